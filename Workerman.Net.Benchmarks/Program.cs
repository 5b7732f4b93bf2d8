using Workerman.Benchmarks;

if (args is ["serve", ..]) return Serve.Run(args[1..]);
return 0;
