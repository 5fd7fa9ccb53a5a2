import { describe, expect, it } from 'vitest';
import { CallRecord } from '../../../src/history/record.ts';
import { parseRecord, serialised } from '../../../src/history/stream.ts';
import { someCall } from '../../support/calls.ts';

describe('CallRecord', () => {
  it('survives being written and read', () => {
    const call = someCall({ pbx: 'acme' });
    expect(CallRecord.parse(call)).toEqual(call);
    expect(parseRecord(serialised(call))).toEqual(call);
  });

  it('loses what no database takes, and nothing else', () => {
    const call = someCall({ pbx: 'acme', fromName: 'a\u0000\u0000b \\u0000 «ё» \ud83d' });
    expect(parseRecord(serialised(call))?.fromName).toBe('ab \\u0000 «ё» \ufffd');
  });

  it('is still read as the first engines wrote it', () => {
    const { cut: _, ...call } = someCall({ pbx: 'acme' });
    const old = { ...call, inputs: [{ t: 100, kind: 'digit', digit: '1' }] };
    expect(CallRecord.parse(old)).toEqual({ ...call, inputs: [], cut: false });
  });

  it.each(['', '{', '{"id":"x"}', 'null'])('is not read from %j', (text) => {
    expect(parseRecord(text)).toBeUndefined();
  });
});
