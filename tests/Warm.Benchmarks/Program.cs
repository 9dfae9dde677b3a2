using BenchmarkDotNet.Running;
using Warm.Benchmarks;

// dotnet run -c Release --project tests/Warm.Benchmarks -- --quick [PART]     a table in seconds: GFLOP/s, one line an operation
// dotnet run -c Release --project tests/Warm.Benchmarks -- --filter '*'       BenchmarkDotNet, naive twins as baselines
if (args.Contains("--quick")) Quick.Run(args.Where(a => a != "--quick").FirstOrDefault());
else BenchmarkSwitcher.FromAssembly(typeof(Quick).Assembly).Run(args);
