using BenchmarkDotNet.Running;
using Workerman.Benchmarks.Kestrel;

BenchmarkSwitcher.FromAssembly(typeof(ParserBenchmarks).Assembly).Run(args);
