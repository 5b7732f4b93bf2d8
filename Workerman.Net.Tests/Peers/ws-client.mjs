// A client of npm's ws: node ws-client.mjs <url> <deflate: true|false>. Sends what is hard to get right to an echo, checks what comes back, and asks it to end.
// Prints one line for each thing that went well, and exits with 1 at the first that did not.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import WebSocket from 'ws';

const [url, deflate] = process.argv.slice(2);
const socket = new WebSocket(url, { perMessageDeflate: deflate === 'true', rejectUnauthorized: false });
await once(socket, 'open');
console.log(`open ${socket.extensions !== ''}`);

async function echo(data, send = () => socket.send(data)) {
  const message = once(socket, 'message');
  send();
  const [received, isBinary] = await message;
  assert.equal(isBinary, typeof data !== 'string');
  assert.deepEqual(received, Buffer.from(data));
}

for (const text of ['', 'hello', 'größer 😀', 'x'.repeat(125), 'y'.repeat(126), 'z'.repeat(65536), 'much the same '.repeat(50000)]) await echo(text);
console.log('texts');
for (const size of [0, 1, 125, 126, 65535, 65536, 1000000]) await echo(Buffer.from(Array.from({ length: size }, (_, i) => (i * 7919) & 255)));
console.log('bytes');
await echo('in three pieces 😀', () => {
  socket.send('in thr', { fin: false });
  socket.send('ee pie', { fin: false });
  socket.send('ces 😀');
});
console.log('fragments');
const pong = once(socket, 'pong');
socket.ping('are you there');
assert.equal((await pong)[0].toString(), 'are you there');
console.log('pong');
const end = once(socket, 'close');
socket.send('end');
const [code, reason] = await end;
console.log(`closed ${code} ${reason}`);
