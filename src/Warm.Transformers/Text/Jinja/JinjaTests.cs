using System.Numerics;

namespace Warm.Transformers;

/// <summary>What may follow <c>is</c>.</summary>
internal static class JinjaTests
{
    public delegate bool Test(JinjaRun run, JinjaValue value, JinjaArguments arguments);

    private static readonly Dictionary<string, Test> All = new()
    {
        ["odd"] = (run, v, a) => Remainder(run, v, a, 2).Equals(JinjaInteger.Of(1)),
        ["even"] = (run, v, a) => Remainder(run, v, a, 2).Equals(JinjaInteger.Of(0)),
        ["divisibleby"] = (run, v, a) => JinjaOperators.Arithmetic(run, "%", v, One("test_divisibleby", "num", a)).Equals(JinjaInteger.Of(0)),
        ["defined"] = (_, v, a) => Plain(a) && v is not JinjaUndefined,
        ["undefined"] = (_, v, a) => Plain(a) && v is JinjaUndefined,
        ["filter"] = (_, v, a) => Plain(a) && Hashable(v) is JinjaString name && JinjaFilters.Find(name.Value) is not null,
        ["test"] = (_, v, a) => Plain(a) && Hashable(v) is JinjaString name && Find(name.Value) is not null,
        ["none"] = (_, v, a) => Plain(a) && v is JinjaNone,
        ["boolean"] = (_, v, a) => Plain(a) && v is JinjaBoolean,
        ["true"] = (_, v, a) => Plain(a) && v == JinjaBoolean.True,
        ["false"] = (_, v, a) => Plain(a) && v == JinjaBoolean.False,
        ["integer"] = (_, v, a) => Plain(a) && v is JinjaInteger,
        ["float"] = (_, v, a) => Plain(a) && v is JinjaFloat,
        ["number"] = (_, v, a) => Plain(a) && JinjaNumber.IsNumber(v),
        ["lower"] = (run, v, a) => Plain(a) && JinjaStringMethods.IsLower(v.ToText(run)),
        ["upper"] = (run, v, a) => Plain(a) && JinjaStringMethods.IsUpper(v.ToText(run)),
        ["string"] = (_, v, a) => Plain(a) && v is JinjaString,
        ["mapping"] = (_, v, a) => Plain(a) && v is JinjaDictionary,
        ["sequence"] = (_, v, a) => Plain(a) && v is JinjaString or JinjaSequence or JinjaDictionary or JinjaRange or JinjaBytes or JinjaUndefined,
        ["iterable"] = (_, v, a) => Plain(a) && v.Iterate() is not null,
        ["callable"] = (_, v, a) => Plain(a) && v.IsCallable,
        ["sameas"] = (_, v, a) => Same(v, One("test_sameas", "other", a)),
        ["escaped"] = (_, v, a) => Plain(a) && v is JinjaString { Safe: true },
        ["in"] = (run, v, a) => JinjaOperators.Contains(run, One("test_in", "seq", a), v),
        ["=="] = Comparison("=="), ["eq"] = Comparison("=="), ["equalto"] = Comparison("=="),
        ["!="] = Comparison("!="), ["ne"] = Comparison("!="),
        [">"] = Comparison(">"), ["gt"] = Comparison(">"), ["greaterthan"] = Comparison(">"),
        [">="] = Comparison(">="), ["ge"] = Comparison(">="),
        ["<"] = Comparison("<"), ["lt"] = Comparison("<"), ["lessthan"] = Comparison("<"),
        ["<="] = Comparison("<="), ["le"] = Comparison("<="),
    };

    public static Test? Find(string name) => All.GetValueOrDefault(name);

    /// <summary>For filters that take a test's name.</summary>
    public static Test Get(string name) => Find(name) ?? throw new JinjaException("TemplateRuntimeError", $"No test named {JinjaRepr.Quote(name)}.");

    private static Test Comparison(string name) => (run, v, a) => JinjaOperators.Compare(run, name, v, One(name, "other", a));
    private static JinjaValue Remainder(JinjaRun run, JinjaValue value, JinjaArguments arguments, BigInteger by)
    {
        Plain(arguments);
        return JinjaOperators.Arithmetic(run, "%", value, JinjaInteger.Of(by));
    }

    private static JinjaValue Hashable(JinjaValue value) => value.IsHashable ? value : throw JinjaException.Type($"unhashable type: '{value.TypeName}'");

    private static readonly JinjaSignature Nothing = new("test", "");
    private static bool Plain(JinjaArguments arguments)
    {
        if (arguments.Positional.Count + arguments.Named.Count > 0) Nothing.Bind(arguments);
        return true;
    }

    private static JinjaValue One(string test, string parameter, JinjaArguments arguments) =>
        arguments.Positional.Count == 1 && arguments.Named.Count == 0 ? arguments.Positional[0] : new JinjaSignature(test, parameter).Bind(arguments)[0]!;

    /// <summary>Python's <c>is</c>; small numbers and equal short texts are one object there too, more is not promised.</summary>
    private static bool Same(JinjaValue left, JinjaValue right) => ReferenceEquals(left, right) || left is JinjaInteger && right is JinjaInteger && left.Equals(right);
}
