/** A TCP proxy with a way of its own: half of the delay there, half of it back. Arguments: port, port behind it, milliseconds. */
import { connect, createServer, type Socket } from 'node:net';

const [port = 0, target = 0, delayMs = 0] = process.argv.slice(2).map(Number);

createServer({ noDelay: true }, (near) => {
  const far = connect({ host: '127.0.0.1', port: target, noDelay: true });
  carry(near, far);
  carry(far, near);
}).listen(port, '127.0.0.1');

/** Timers of the same length fire in the order in which they were set: no byte overtakes another. */
function carry(from: Socket, to: Socket): void {
  from.on('data', (chunk) => setTimeout(() => to.writable && to.write(chunk), delayMs / 2));
  from.on('end', () => setTimeout(() => to.end(), delayMs / 2));
  from.on('error', () => to.destroy());
  from.on('close', () => setTimeout(() => to.destroy(), delayMs));
}
