namespace Warm.Transformers.Tests;

// The engines that keep the contract here; Warm.Torch.Tests has the other.

public sealed class ReferenceEngineContractTests : EngineContractTests
{
    private protected override Engine Engine { get; } = new ReferenceEngine();
    protected override double Tolerance => 1e-9;
}

public sealed class CpuEngineVector512Tests : EngineContractTests
{
    private protected override Engine Engine { get; } = new CpuEngine(new() { Kernel = CpuEngineTests.OrPortable(CpuKernel.Vector512), Threads = 2 });
}

public sealed class CpuEngineVector256Tests : EngineContractTests
{
    private protected override Engine Engine { get; } = new CpuEngine(new() { Kernel = CpuEngineTests.OrPortable(CpuKernel.Vector256), Threads = 3 });
}

public sealed class CpuEnginePortableTests : EngineContractTests
{
    private protected override Engine Engine { get; } = new CpuEngine(new() { Kernel = CpuKernel.Portable, Threads = 1 });
}
