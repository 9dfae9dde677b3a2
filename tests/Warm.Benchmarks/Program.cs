using BenchmarkDotNet.Running;
using Warm.Benchmarks;

// dotnet run -c Release --project tests/Warm.Benchmarks -- --quick [Vector512/1 [product]]     a table in seconds: GFLOP/s, one line an operation
// dotnet run -c Release --project tests/Warm.Benchmarks -- --filter '*'       BenchmarkDotNet, naive twins as baselines
// dotnet run -c Release --project tests/Warm.Benchmarks -- --pairs FILE       memory and time of measuring on a file of pairs
if (args is ["--pairs", var pairs]) PairMemory.Run(pairs);
else if (args.Contains("--quick")) Quick.Run(args.Where(a => a != "--quick").FirstOrDefault(), args.Where(a => a != "--quick").ElementAtOrDefault(1));
else BenchmarkSwitcher.FromAssembly(typeof(Quick).Assembly).Run(args);
