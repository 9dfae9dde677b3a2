using Warm.Testing;
using Warm.Transformers;
using Warm.Transformers.Tests;

namespace Warm.Torch.Tests;

/// <summary>Everything that an engine must do, on libtorch's CPU; and whole models beside PyTorch.</summary>
public sealed class TorchEngineTests : EngineContractTests
{
    private protected override Engine Engine { get; } = new TorchEngine();

    /// <summary>Libtorch adds in its own order.</summary>
    protected override double Tolerance => 1e-5;

    public static TheoryData<string> Folders => [.. ReferenceFolder.Names.Where(name => name == "none" || name.StartsWith("llama", StringComparison.Ordinal) || name.StartsWith("bert", StringComparison.Ordinal))];

    [ReferenceTheory]
    [MemberData(nameof(Folders))]
    public void Rewards_are_those_of_PyTorch(string name)
    {
        var folder = new ReferenceFolder(name);
        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);
        using RewardModel model = RewardModel.Load(checkpoint, new TorchEngine(), new() { Labels = [0] });
        int compared = 0;
        foreach (ReferenceFolder.Case one in folder.Cases.Where(c => c.Types is null && c.Alone is not null))
        {
            IReadOnlyList<Score> scores = model.Score([.. one.AloneIds(checkpoint.Folder!.Config!.PadTokenId).Select(ids => Candidate.OfIds(ids))]);
            for (int i = 0; i < scores.Count; i++, compared++) Assert.InRange(scores[i].Reward - one.Alone![i][0], -folder.SingleTolerance, folder.SingleTolerance);
        }
        Assert.True(compared > 0, "Nothing was compared.");
        Reference.Count("rewards on libtorch", compared);
    }

    [Fact]
    public void A_device_that_is_not_there_is_refused()
    {
        Assert.Contains("\"tpu\" is not known", Assert.Throws<WarmException>(() => new TorchEngine("tpu")).Message);
        if (!TorchSharp.torch.cuda.is_available()) Assert.Contains("\"cuda\" is not there", Assert.Throws<WarmException>(() => new TorchEngine("cuda")).Message);
        Assert.Contains("I8 was asked for", Assert.Throws<WarmException>(() => new TorchEngine("cpu", DType.I8)).Message);
    }

    [Fact]
    public void Operations_leave_nothing_behind()
    {
        Engine engine = new TorchEngine();
        long before = TorchSharp.torch.Tensor.TotalCount;
        for (int i = 0; i < 20; i++)
        {
            using EngineTensor a = engine.Upload(new float[12], 3, 4), b = engine.Add(a, a), c = engine.Activate(b, Activation.Gelu), d = engine.Rows(c, [0, 2]);
        }
        Assert.Equal(before, TorchSharp.torch.Tensor.TotalCount);
    }
}
