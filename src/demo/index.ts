/** demo: a small upstream LwM2M server, and the story that the demo tells. Nothing of it runs in a real gateway. */
export type { MeterReading } from './meter.ts';
export { readingAt } from './meter.ts';
export type { Chapter, DemoField, StoryPorts } from './story.ts';
export { summary, tellStory } from './story.ts';
export type { AnnouncedDevice, RegisteredClient, UpstreamOptions, UpstreamServer } from './upstream.ts';
export { startUpstream } from './upstream.ts';
