/** node-coap as a server that has nothing to do. */
import coap from 'coap';
import { freeUdpPort } from '../../peers/process.ts';
import { answerParent } from '../children.ts';
import { usage } from '../usage.ts';

const PAYLOAD = Buffer.from('1234567');
const server = coap.createServer({ type: 'udp4' }, (_request, response) => {
  response.setOption('Content-Format', 'text/plain');
  response.end(PAYLOAD);
});
const port = await freeUdpPort();
await new Promise<void>((listening) => server.listen(port, '127.0.0.1', () => listening()));
answerParent({ port: () => port, usage });
