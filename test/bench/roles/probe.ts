/** Preloaded into the gateway, which runs as it always does: tells what the process uses. */
import { answerParent } from '../children.ts';
import { heapInUse, usage } from '../usage.ts';

answerParent({ usage, heap: heapInUse });
