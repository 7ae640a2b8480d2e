import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type DataType,
  type ObjectDefinition,
  objectUrn,
  omaRegistry,
  readDdf,
  writeDdf,
} from '../../src/model/index.ts';

/** A file like those of the registry. */
function ddf(object: string, items: string, { head = '<?xml version="1.0"?>\n', tail = '' } = {}): string {
  return `${head}<LWM2M>\n  <Object ObjectType="MODefinition">\n${object}\n<Resources>\n${items}\n</Resources>\n  </Object>${tail}\n</LWM2M>\n`;
}

const OBJECT = `<Name>Pulse counter</Name>
<Description1><![CDATA[Counts <pulses> &c.]]></Description1>
<ObjectID>33000</ObjectID>
<ObjectURN>urn:oma:lwm2m:x:33000:1.1</ObjectURN>
<LWM2MVersion>1.1</LWM2MVersion>
<ObjectVersion>1.1</ObjectVersion>
<MultipleInstances>Multiple</MultipleInstances>
<Mandatory>Optional</Mandatory>`;

const ITEM = `<Item ID="1"><Name>Pulses</Name><Operations>R</Operations><MultipleInstances>Single</MultipleInstances>
<Mandatory>Mandatory</Mandatory><Type>Unsigned Integer</Type><RangeEnumeration>0..9</RangeEnumeration>
<Units>count</Units><Description>All of them.</Description></Item>`;

const PULSES = {
  id: 1,
  name: 'Pulses',
  operations: 'R',
  type: 'unsigned',
  multiple: false,
  mandatory: true,
  range: '0..9',
  unit: 'count',
} as const;

const COUNTER: ObjectDefinition = {
  id: 33000,
  name: 'Pulse counter',
  version: '1.1',
  multiple: true,
  mandatory: false,
  resources: new Map([[1, PULSES]]),
};

const read = (xml: string): ObjectDefinition[] => readDdf(xml, 'my.xml');

/** An object with one resource that is read from `item`. */
function resourceOf(item: string): unknown {
  return [...(read(ddf(OBJECT, item))[0]?.resources.values() ?? [])][0];
}

function faultsOf(xml: string): string[] {
  try {
    read(xml);
  } catch (error) {
    expect(error).toMatchObject({ code: 'model.bad-ddf' });
    return (error as Error).message.split('\n');
  }
  return [];
}

describe('a definition is read from the XML of the registry (LWM2M-v1_1.xsd)', () => {
  test('with all that it says', () => {
    expect(read(ddf(OBJECT, ITEM))).toEqual([COUNTER]);
  });

  test('several objects of one file', () => {
    const second = `<Object>${OBJECT.replace('33000', '33001')}<Resources>${ITEM}</Resources></Object>`;
    expect(read(ddf(OBJECT, ITEM, { tail: second })).map(({ id }) => id)).toEqual([33000, 33001]);
  });

  test.each([
    ['a byte order mark', `\uFEFF${ddf(OBJECT, ITEM)}`],
    ['no declaration, but a comment first', ddf(OBJECT, ITEM, { head: '<!-- licence -->\n' })],
    ['line ends of Windows', ddf(OBJECT, ITEM).replace(/\n/g, '\r\n')],
    [
      'elements in another order',
      ddf(OBJECT, ITEM.replace(/(<Operations>R<.Operations>)(.*)(<Type>.*<.Type>)/s, '$3$2$1')),
    ],
    ['blanks around words and in names', ddf(OBJECT.replace('Pulse counter', ' Pulse \r\n counter '), ITEM)],
    ['words in other letters', ddf(OBJECT.replace('Multiple<', 'multiple<'), ITEM)],
    ['text in CDATA', ddf(OBJECT.replace('Pulse counter', 'Pulse <![CDATA[counter]]>'), ITEM)],
    ['a version in the URN only', ddf(OBJECT.replace(/<ObjectVersion>.*\n/, ''), ITEM)],
    ['elements that nobody knows', ddf(`${OBJECT}<Source>a vendor</Source>`, ITEM)],
    ['no descriptions', ddf(OBJECT.replace(/<Desc.*\n/, ''), ITEM.replace(/<Desc.*Description>/, ''))],
  ])('with %s', (_, xml) => {
    expect(read(xml)).toEqual([COUNTER]);
  });

  test('an object without any version has 1.0', () => {
    const bare = OBJECT.replace(/<(ObjectURN|LWM2MVersion|ObjectVersion)>.*\n/g, '');
    expect(read(ddf(bare, ITEM))[0]?.version).toBe('1.0');
    expect(
      read(ddf(bare.replace('</ObjectID>', '</ObjectID><ObjectVersion> </ObjectVersion>'), ITEM))[0],
    ).toMatchObject({ version: '1.0' });
  });

  test('range and unit may be missing, or blank', () => {
    expect(resourceOf(ITEM.replace(/<Range.*Enumeration>\n<Units>.*<.Units>/, ''))).toEqual({
      ...PULSES,
      range: '',
      unit: '',
    });
    expect(resourceOf(ITEM.replace('count<', '\r\n   <'))).toEqual({ ...PULSES, unit: '' });
  });

  test('what is executed has no type, whatever the file says', () => {
    const executed = ITEM.replace('>R<', '>E<').replace('Unsigned Integer', 'String');
    expect(resourceOf(executed)).toMatchObject({ operations: 'E', type: 'none' });
  });

  test('the five entities of XML and characters by number mean what they mean', () => {
    expect(resourceOf(ITEM.replace('>Pulses<', '>A &amp; B &lt; &#x43;&#68; &quot;<'))).toMatchObject({
      name: 'A & B < CD "',
    });
  });

  test('resources come in ascending order', () => {
    const items = [5, 1, 3].map((id) => ITEM.replace('"1"', `"${id}"`)).join('');
    expect([...(read(ddf(OBJECT, items))[0]?.resources.keys() ?? [])]).toEqual([1, 3, 5]);
  });
});

describe('a broken definition is refused with file, line and column', () => {
  test.each([
    ['no XML', 'hello', ["my.xml:1:1: char 'h' is not expected."]],
    ['nothing', '', ['my.xml:1:1: Start tag expected.']],
    ['a tag that is not closed', '<LWM2M>\n  <Object>\n</LWM2M>', [expect.stringMatching(/^my\.xml:3:1: /)]],
    ['other XML', '<html></html>', [expect.stringMatching(/^my\.xml:1:1: .*not <html>$/)]],
    ['no object', '<LWM2M>\n</LWM2M>', [expect.stringMatching(/^my\.xml:1:1: /)]],
    [
      'an unknown type',
      ddf(OBJECT, ITEM.replace('Unsigned Integer', 'Number')),
      [expect.stringMatching(/^my\.xml:14:33: Type "Number"; allowed: String, Integer, /)],
    ],
    [
      'an operation that there is not',
      ddf(OBJECT, ITEM.replace('>R<', '>RX<')),
      ['my.xml:13:33: Operations "RX"; allowed: nothing, R, W, RW, E'],
    ],
    [
      'an id that is none',
      ddf(OBJECT.replace('33000<', '65535<'), ITEM),
      ['my.xml:3:3: ObjectID is a number from 0 to 65534, not "65535"'],
    ],
    [
      'a resource without id',
      ddf(OBJECT, ITEM.replace(' ID="1"', '')),
      ['my.xml:13:1: ID is a number from 0 to 65534, not ""'],
    ],
    [
      'a version that is none',
      ddf(OBJECT.replace('Version>1.1</ObjectV', 'Version>1</ObjectV'), ITEM),
      ['my.xml:3:3: ObjectVersion is like 1.0, not "1"'],
    ],
    ['two resources of one id', ddf(OBJECT, `${ITEM}\n${ITEM}`), ['my.xml:16:1: there are two resources 1']],
    [
      'two names',
      ddf(OBJECT.replace('<Name>', '<Name>A</Name>\n<Name>'), ITEM),
      ['my.xml:5:1: there are two <Name>'],
    ],
    ['no name', ddf(OBJECT.replace('Pulse counter', ''), ITEM), ['my.xml:3:3: <Object> has no <Name>']],
    ['no resources', ddf(OBJECT, ''), [expect.stringMatching(/^my\.xml:3:3: an object has resources/)]],
  ])('%s', (_, xml, faults) => {
    expect(faultsOf(xml)).toEqual(faults);
  });

  test('all faults of a file come at once, but not without end', () => {
    const item = ITEM.replace('>R<', '>X<').replace('Unsigned Integer', 'X').replace('>Mandatory<', '>X<');
    expect(faultsOf(ddf(OBJECT, item))).toHaveLength(3);
    const many = Array.from({ length: 100 }, (_, id) => item.replace('"1"', `"${id}"`)).join('');
    expect(faultsOf(ddf(OBJECT, many))).toHaveLength(20);
  });

  test('a document type is refused, so that no entity can be defined or fetched', () => {
    const bomb = `<!DOCTYPE LWM2M [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>\n${ddf(OBJECT.replace('Pulse', '&b;'), ITEM, { head: '' })}`;
    expect(faultsOf(bomb)).toEqual(['my.xml:1:1: a document type is not allowed']);
    expect(faultsOf(ddf(OBJECT.replace('Pulse', '&b;'), ITEM))).toEqual([
      'my.xml:4:1: &b; is no entity of XML',
    ]);
  });

  test('a text without bound is not read', () => {
    expect(faultsOf(`${ddf(OBJECT, ITEM)}${' '.repeat(600_000)}`)).toEqual([
      'my.xml:1:1: more than 512 KB are no object definition',
    ]);
    expect(faultsOf(`${'<a>'.repeat(2000)}${'</a>'.repeat(2000)}`)).toHaveLength(1);
  });

  test('control characters are refused, as they are and by number', () => {
    expect(faultsOf(ddf(OBJECT.replace('Pulse', 'Pulse \u001b[2J'), ITEM))).toEqual([
      'my.xml:4:13: a control character is not allowed',
    ]);
    for (const entity of ['&#27;', '&#0;', '&#xD800;', '&#x110000;', '&#;']) {
      expect(faultsOf(ddf(OBJECT.replace('Pulse', entity), ITEM))).toEqual([
        `my.xml:4:1: ${entity} is no entity of XML`,
      ]);
    }
  });

  test('a file of nothing but faults is refused at once', () => {
    const started = performance.now();
    expect(faultsOf(ddf(OBJECT, '<Item/>\n'.repeat(60_000)))).toHaveLength(20);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test.each(['__proto__', 'constructor'])('an element %s is refused', (name) => {
    expect(faultsOf(ddf(`${OBJECT}<${name}>1</${name}>`, ITEM))).toHaveLength(1);
  });

  test('any text either reads or is refused with the code', () => {
    const soup = fc.array(
      fc.constantFrom(...ddf(OBJECT, ITEM).split(/(?=[<>&"])/), fc.sample(fc.string(), 1)[0] ?? ''),
    );
    fc.assert(
      fc.property(soup, (parts) => {
        faultsOf(parts.join(''));
      }),
      { numRuns: 300 },
    );
  });
});

describe('a definition is written as XML that servers take', () => {
  test('in the order of the schema, with names in place of the descriptions', () => {
    expect(writeDdf(COUNTER)).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<LWM2M xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="http://openmobilealliance.org/tech/profiles/LWM2M-v1_1.xsd">
  <Object ObjectType="MODefinition">
    <Name>Pulse counter</Name>
    <Description1>Pulse counter</Description1>
    <ObjectID>33000</ObjectID>
    <ObjectURN>urn:oma:lwm2m:x:33000:1.1</ObjectURN>
    <LWM2MVersion>1.1</LWM2MVersion>
    <ObjectVersion>1.1</ObjectVersion>
    <MultipleInstances>Multiple</MultipleInstances>
    <Mandatory>Optional</Mandatory>
    <Resources>
      <Item ID="1">
        <Name>Pulses</Name>
        <Operations>R</Operations>
        <MultipleInstances>Single</MultipleInstances>
        <Mandatory>Mandatory</Mandatory>
        <Type>Unsigned Integer</Type>
        <RangeEnumeration>0..9</RangeEnumeration>
        <Units>count</Units>
        <Description>Pulses</Description>
      </Item>
    </Resources>
    <Description2></Description2>
  </Object>
</LWM2M>
`);
  });

  test.each([
    [3, '1.0', 'urn:oma:lwm2m:oma:3'],
    [3, '1.2', 'urn:oma:lwm2m:oma:3:1.2'],
    [3424, '1.1', 'urn:oma:lwm2m:ext:3424:1.1'],
    [10240, '1.0', 'urn:oma:lwm2m:ext:10240'],
    [10242, '1.0', 'urn:oma:lwm2m:x:10242'],
    [33000, '2.0', 'urn:oma:lwm2m:x:33000:2.0'],
  ])('object %s %s is %s (OMA Core 1.2 7.1)', (id, version, urn) => {
    expect(objectUrn({ id, version })).toBe(urn);
  });

  test('every version of every object of the registry is read back equal', () => {
    const registry = omaRegistry();
    const all = registry.objects.flatMap((id) => registry.versions(id));
    expect(all.length).toBeGreaterThan(400);
    for (const definition of all) expect(read(writeDdf(definition))).toEqual([definition]);
  });

  test('so is any other definition', () => {
    const types: DataType[] = ['string', 'integer', 'unsigned', 'float', 'boolean', 'opaque', 'time'];
    const text = fc
      .string({ unit: 'grapheme', maxLength: 20 })
      .map((text) => text.replace(/[\p{C}\s]+/gu, ' ').trim());
    const name = text.filter((text) => text !== '');
    const resource = fc.record({
      id: fc.integer({ min: 0, max: 65534 }),
      name,
      operations: fc.constantFrom('' as const, 'R' as const, 'W' as const, 'RW' as const),
      type: fc.constantFrom(...types),
      multiple: fc.boolean(),
      mandatory: fc.boolean(),
      range: text,
      unit: text,
    });
    const definition = fc.record({
      id: fc.integer({ min: 0, max: 65534 }),
      name,
      version: fc.tuple(fc.nat(99), fc.nat(99)).map(([major, minor]) => `${major}.${minor}`),
      multiple: fc.boolean(),
      mandatory: fc.boolean(),
      resources: fc
        .uniqueArray(resource, { selector: ({ id }) => id, minLength: 1, maxLength: 5 })
        .map((list) => new Map(list.sort((a, b) => a.id - b.id).map((one) => [one.id, one]))),
    });
    fc.assert(
      fc.property(definition, (one) => {
        expect(read(writeDdf(one))).toEqual([one]);
      }),
    );
  });
});
