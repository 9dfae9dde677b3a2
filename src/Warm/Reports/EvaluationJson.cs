using System.Text.Json.Serialization;

namespace Warm;

/// <summary>How the parts of an evaluation become JSON, made when the library is compiled: no reflection, so that programs compiled ahead of time have it too.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(PairwiseAccuracy))]
[JsonSerializable(typeof(PairedComparison))]
[JsonSerializable(typeof(SubsetAccuracy))]
[JsonSerializable(typeof(MemberPair))]
[JsonSerializable(typeof(Estimate))]
internal sealed partial class EvaluationJson : JsonSerializerContext;
