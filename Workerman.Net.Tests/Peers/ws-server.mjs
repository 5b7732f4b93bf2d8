// A server of npm's ws: node ws-server.mjs <deflate: true|false>. Prints its port, echoes, and does what the words ask for: "pieces", "ping", "end".
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: process.argv[2] === 'true' && { threshold: 0 } });
server.on('listening', () => console.log(server.address().port));
server.on('connection', (socket, request) => {
  socket.send(`${request.url} ${request.headers['x-token']} ${socket.extensions !== ''}`);
  socket.on('pong', data => socket.send(`pong ${data}`));
  socket.on('close', (code, reason) => console.log(`closed ${code} ${reason}`));
  socket.on('message', (data, isBinary) => {
    const words = isBinary ? '' : data.toString();
    if (words === 'pieces') {
      socket.send('one ', { fin: false });
      socket.ping('between');
      socket.send('two 😀', { fin: false });
      socket.send('');
    } else if (words === 'ping') socket.ping('hey');
    else if (words === 'end') socket.close(4321, 'größer');
    else socket.send(data, { binary: isBinary });
  });
});
