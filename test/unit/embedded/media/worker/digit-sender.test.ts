import { beforeEach, describe, expect, it } from 'vitest';
import { g711 } from '../../../../../src/embedded/media/dsp/g711.ts';
import { type DigitOutput, DigitSender } from '../../../../../src/embedded/media/worker/digit-sender.ts';
import { isSilent, sounds } from '../../../../support/tones.ts';

describe('DigitSender', () => {
  let sender: DigitSender;
  let sent: string[];
  let audio: number[];

  const output = (takesEvents: boolean): DigitOutput => ({
    codec: 'pcmu',
    takesEvents,
    sendAudio: (payload) => {
      const linear = new Int16Array(payload.length);
      g711.pcmu.decode(payload, linear);
      audio.push(...linear);
    },
    sendEvent: (event, frames, end) => sent.push(`${event}:${frames}${end ? ' end' : ''}`),
  });
  const run = (to: DigitOutput, ticks: number) => {
    for (let i = 0; i < ticks; i++) sender.tick(to, 20 * i);
  };

  beforeEach(() => {
    sender = new DigitSender();
    sent = [];
    audio = [];
  });

  it('sends an update per frame and the end three times (RFC 4733 §2.5.1.4)', () => {
    sender.add('5', 80, 80);
    run(output(true), 8);
    expect(sent).toEqual(['5:1', '5:2', '5:3', '5:4 end', '5:4 end', '5:4 end']);
    expect(sender.idle).toBe(true);
  });

  it('keeps the pause, and tells when the last digit is out', () => {
    let done = 0;
    sender.add('1#', 40, 60, () => done++);
    run(output(true), 9);
    expect(done).toBe(0);
    run(output(true), 1);
    expect(done).toBe(1);
    expect(sent.filter((event) => event.endsWith('end'))).toEqual([
      ...new Array(3).fill('1:2 end'),
      ...new Array(3).fill('11:2 end'),
    ]);
  });

  it('sends tones and silent pauses in-band', () => {
    sender.add('5', 100, 60);
    run(output(false), 8);
    expect(sounds([770, 1336], Int16Array.from(audio.slice(0, 800)))).toBe(true);
    expect(isSilent(Int16Array.from(audio.slice(800)))).toBe(true);
    expect(audio).toHaveLength(8 * 160);
  });

  it('lengthens what no receiver would notice, and shortens what the duration field cannot hold', () => {
    sender.add('1', 1, 1);
    run(output(true), 4);
    expect(sender.idle).toBe(true);
    sent = [];
    sender.add('1', 60_000, 40);
    run(output(true), 402);
    expect(sent.at(-1)).toBe('1:400 end');
    expect(sender.idle).toBe(true);
  });

  it('has done at once what is nothing, and gives back what it will not do', () => {
    let done = 0;
    sender.add('', 100, 100, () => done++);
    expect(done).toBe(1);
    sender.add('12', 100, 100, () => done++);
    sender.add('3', 100, 100, () => done++);
    for (const waiting of sender.abandon()) waiting();
    expect(done).toBe(3);
    expect(sender.idle).toBe(true);
  });
});
