namespace Warm;

/// <summary>
/// How a start is probed, told as functions, so that <see cref="Baklava"/> knows no model: frozen features of texts, and ways to fit a head to differences of features. Warm.Transformers makes it: <c>LinearProbe.ForStarts()</c>.
/// </summary>
/// <param name="Features">One vector a text, in order, of a start that carries some head (its values are not used).</param>
/// <param name="Fits">At least one way to fit a head, such as several strengths of a penalty: of several, each start takes the one with the least loss on pairs that were held out.</param>
public sealed record StartProbe(Func<Weights, IReadOnlyList<Candidate>, CancellationToken, Task<IReadOnlyList<float[]>>> Features, IReadOnlyList<HeadFit> Fits);

/// <summary>A way to fit a head.</summary>
/// <param name="Name">What it is called in the record: <c>Bradley-Terry, ridge 0.001</c>.</param>
/// <param name="Fit">A head, one number a feature, for rows of differences (chosen less rejected); the same rows give the same bits.</param>
public sealed record HeadFit(string Name, Func<IReadOnlyList<double[]>, IReadOnlyList<double>> Fit);
