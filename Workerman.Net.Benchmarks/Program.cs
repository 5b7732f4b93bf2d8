using BenchmarkDotNet.Running;
using Workerman.Benchmarks;
using Workerman.Benchmarks.Profiles;

if (args is ["serve", ..]) return Serve.Run(args[1..]);
if (args is ["soak", ..]) return Soak.Run(args[1..]);
if (args is ["soak-server", ..]) return SoakServer.Run(args[1..]);
if (args is ["attack", ..]) return Attack.Run(args[1..]);
if (args is ["attack-server", ..]) return AttackServer.Run(args[1..]);
if (args is ["fuzz", ..]) return Fuzz.Run(args[1..]);
if (args is ["profile", ..]) return ProfileRun.Run(args[1..]);
if (args is ["cluster", ..]) return Cluster.Run(args[1..]);
if (args is ["cluster-node", ..]) return ClusterNode.Run(args[1..]);
BenchmarkSwitcher.FromAssembly(typeof(Serve).Assembly).Run(args);
return 0;
