using TorchSharp;
using Warm.Testing;
using static TorchSharp.torch;

namespace Warm.Torch.Tests;

/// <summary>State dicts of modules as weights: averages, what is refused, and a moving average.</summary>
public sealed class ModuleWeightsTests
{
    private static nn.Module<Tensor, Tensor> Net(int seed, int width = 5)
    {
        random.manual_seed(seed);
        return nn.Sequential(("up", nn.Linear(3, width)), ("norm", nn.BatchNorm1d(width)), ("down", nn.Linear(width, 2)));
    }

    [Fact]
    public void An_average_of_modules_is_loaded_into_a_module_and_saved()
    {
        using var a = Net(1);
        using var b = Net(1); // trained on from the same start: strangers are refused
        using (no_grad())
            foreach (string name in new[] { "up.weight", "up.bias", "down.weight", "norm.running_var" }) b.state_dict()[name].add_(rand_like(b.state_dict()[name]) * 0.05);
        using var c = Net(3);
        using WeightAverage average = WeightAverage.Of([ModuleWeights.Of(a, "a"), ModuleWeights.Of(b, "b")]);
        ModuleWeights.Load(average, c);
        foreach (string name in new[] { "up.weight", "up.bias", "down.weight", "norm.running_var" })
        {
            float[] expected = [.. a.state_dict()[name].data<float>().ToArray().Zip(b.state_dict()[name].data<float>().ToArray(), (x, y) => (float)(((double)x + y) / 2))];
            Assert.Equal(expected, c.state_dict()[name].data<float>().ToArray());
        }
        using var folder = new TemporaryFolder();
        average.Save(folder["average"]);
        using Checkpoint saved = Checkpoint.Open(folder["average"]);
        using var d = Net(4);
        ModuleWeights.Load(saved, d);
        Assert.Equal(c.state_dict()["down.weight"].data<float>().ToArray(), d.state_dict()["down.weight"].data<float>().ToArray());
    }

    [Fact]
    public void What_does_not_fit_is_named_whole_and_nothing_is_written()
    {
        using var narrow = Net(1);
        using var wide = Net(2, 6);
        using var lacking = nn.Sequential(("up", nn.Linear(3, 5)));
        float[] before = wide.state_dict()["down.bias"].data<float>().ToArray();
        string message = Assert.Throws<WarmException>(() => ModuleWeights.Load(ModuleWeights.Of(narrow, "narrow"), wide)).Message;
        Assert.Contains("'down.weight' is [2, 5], and the module's is [2, 6]", message);
        Assert.Contains("'up.bias' is [5], and the module's is [6]", message);
        Assert.Equal(before, wide.state_dict()["down.bias"].data<float>().ToArray());
        Assert.Contains("'down.bias' [2] is missing", Assert.Throws<WarmException>(() => ModuleWeights.Load(ModuleWeights.Of(lacking, "lacking"), narrow)).Message);
        using var complex = new Phase();
        Assert.Contains("ComplexFloat32", Assert.Throws<WarmException>(() => ModuleWeights.Of(complex)).Message);
    }

    private sealed class Phase : nn.Module<Tensor, Tensor>
    {
        public Phase() : base("phase") => register_buffer("turn", zeros(2, dtype: ScalarType.ComplexFloat32));

        public override Tensor forward(Tensor input) => input;
    }

    [Fact]
    public void A_moving_average_follows_the_formula()
    {
        using var net = Net(1);
        using var average = new ModuleMovingAverage(net, 0.9);
        double expected = net.state_dict()["up.bias"].data<float>()[0];
        for (int step = 0; step < 5; step++)
        {
            using (no_grad()) net.state_dict()["up.bias"].add_(step + 1);
            average.Update();
            expected = 0.9 * expected + 0.1 * net.state_dict()["up.bias"].data<float>()[0];
        }
        using var copy = Net(9);
        average.CopyTo(copy);
        Assert.Equal(expected, copy.state_dict()["up.bias"].data<float>()[0], 1e-5);
        Assert.Equal(5, average.Updates);
        using var wide = Net(2, 6);
        Assert.Contains("has another shape", Assert.Throws<WarmException>(() => average.CopyTo(wide)).Message);
    }
}
