/** A bare UDP socket that sends everything back: what the runtime can do at best. */
import { createSocket } from 'node:dgram';
import { answerParent } from '../children.ts';
import { usage } from '../usage.ts';

const socket = createSocket('udp4');
socket.on('message', (bytes, { port, address }) => socket.send(bytes, port, address));
await new Promise<void>((bound) => socket.bind(0, '127.0.0.1', bound));
answerParent({ usage, port: () => socket.address().port });
