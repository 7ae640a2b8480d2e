import type { DataType } from './value.ts';

/** What the registry's XML calls the data types (LWM2M-v1_1.xsd). */
export const DDF_TYPES: Readonly<Record<DataType, string>> = {
  string: 'String',
  integer: 'Integer',
  unsigned: 'Unsigned Integer',
  float: 'Float',
  boolean: 'Boolean',
  opaque: 'Opaque',
  time: 'Time',
  objlnk: 'Objlnk',
  corelnk: 'Corelnk',
  none: '',
};
