import type { Format } from './format.ts';
import { decodePack, decodePaths } from './senml-decode.ts';
import { encodePack } from './senml-encode.ts';
import type { SenmlSyntax } from './senml-record.ts';

/** SenML in one syntax as a content format; SenML-ETCH differs in that it is only for requests (RFC 8790). */
export function senmlFormat(
  contentFormat: number,
  mediaType: string,
  syntax: SenmlSyntax,
  shape: 'any' | 'composite-request',
): Format {
  const { writer } = syntax;
  const carriesTime = shape === 'any';
  return {
    contentFormat,
    mediaType,
    shape,
    carriesTime,
    encode: (entries) => encodePack(writer, entries, carriesTime),
    decode: (bytes, context) => decodePack(syntax.read(bytes), context, {}).entries,
    decodePaths: (bytes) => decodePaths(syntax.read(bytes)),
    encodePaths(paths) {
      writer.open(paths.length);
      for (const path of paths) writer.path(path);
      return writer.close();
    },
    decodePatch(bytes, context) {
      const { entries, removals } = decodePack(syntax.read(bytes), context, { nullRemoves: true });
      return { entries, removals };
    },
  };
}
