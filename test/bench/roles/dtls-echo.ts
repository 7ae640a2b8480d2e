/** Servers that send back what they get, as often as it asks for: a bare UDP socket, and DTLS. */
import { root } from '../../dtls/scenes.ts';
import { answerParent } from '../children.ts';
import { ANSWERS_AT } from '../dtls-loads.ts';
import { type OnData, type Protected, serveDtls, servePlain } from '../dtls-server.ts';
import { usage } from '../usage.ts';

const echo: OnData = (bytes, answer) => {
  for (let left = bytes[ANSWERS_AT] ?? 0; left > 0; left--) answer(bytes);
};

answerParent({
  usage,
  plain: () => servePlain(echo),
  dtls: (how: Protected) => serveDtls(how, echo),
  /** Where the certificates come from. */
  root: () => root.der.toString('base64'),
});
