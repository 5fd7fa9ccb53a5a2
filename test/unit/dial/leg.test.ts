import { beforeEach, describe, expect, it } from 'vitest';
import { Leg } from '../../../src/dial/leg.ts';
import type { Presence } from '../../../src/sip/port.ts';
import { settle } from '../../support/fake-clock.ts';
import { FakeEndpoint } from '../../support/fake-media.ts';
import { FakeDialog } from '../../support/fake-sip.ts';

describe('a party of whom nothing is heard', () => {
  let dialog: FakeDialog;
  let endpoint: FakeEndpoint;
  let leg: Leg;
  let questions: PromiseWithResolvers<Presence>[];
  const answer = async (presence: Presence) => {
    questions.at(-1)?.resolve(presence);
    await settle();
  };
  beforeEach(() => {
    dialog = new FakeDialog();
    endpoint = new FakeEndpoint('1', { callId: 'call' });
    leg = new Leg(dialog, endpoint);
    questions = [];
    dialog.presence = () => {
      const question = Promise.withResolvers<Presence>();
      questions.push(question);
      return question.promise;
    };
  });

  it('is asked whether he is there; he who is may be silent for as long as he likes, and is asked now and then', async () => {
    for (const ms of [2000, 4000, 8000, 16_000]) {
      endpoint.pauses(ms);
      await answer('there');
    }
    expect(questions).toHaveLength(4);
    expect(leg.ended).toBeUndefined();
  });

  it('is hung up when he does not answer', async () => {
    endpoint.pauses(2000);
    // The question is still open.
    endpoint.pauses(4000);
    expect(questions).toHaveLength(1);
    expect(leg.ended).toBeUndefined();
    await answer('silent');
    expect(leg.ended).toMatchObject({ by: 'local' });
    expect(leg.cutFor).toBe('mediaTimeout');
    expect(dialog.byeReason).toMatchObject({ cause: 480 });
    expect(endpoint.destroyed).toBe(true);
  });

  it('stays when he is heard before the answer that does not come', async () => {
    endpoint.pauses(2000);
    endpoint.resumes();
    await answer('silent');
    expect(leg.ended).toBeUndefined();
    endpoint.pauses(2000);
    await answer('silent');
    expect(leg.cutFor).toBe('mediaTimeout');
  });

  it('is hung up when his phone knows nothing of the call, heard or not', async () => {
    endpoint.pauses(2000);
    endpoint.resumes();
    await answer('gone');
    expect(leg.cutFor).toBe('mediaTimeout');
  });

  it('is not asked once he has hung up, and what he answers then changes nothing', async () => {
    endpoint.pauses(2000);
    dialog.hangUp();
    await answer('gone');
    endpoint.pauses(4000);
    expect(questions).toHaveLength(1);
    expect(leg.ended).toEqual({ by: 'remote', reason: undefined });
    expect(leg.cutFor).toBeUndefined();
  });
});

it('brings offers of the media to the party, and his answer back', async () => {
  const dialog = new FakeDialog();
  const endpoint = new FakeEndpoint('1', { callId: 'call' });
  const leg = new Leg(dialog, endpoint);
  dialog.answersOffer = (sdp) => `answer to ${sdp}`;
  expect(await endpoint.offer?.('T.38')).toBe('answer to T.38');
  expect(dialog.modified).toEqual(['T.38']);
  expect(leg.ended).toBeUndefined();
});
