import { endReasons } from '../../end-reason.ts';
import { HttpFailure } from '../failure.ts';
import type { CallStory, Explanation } from '../ports.ts';
import { inJson, jsonReply, type Route, route } from '../route.ts';
import { Why } from '../schemas.ts';
import { instant } from '../shown.ts';
import { offerReasons, standings } from '../words.ts';
import { callParameters, knownPbx, type RouteContext } from './context.ts';

/** Why a call went where it went, and why it still waits. */
export const whyRoutes = (context: RouteContext): Route[] => [
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/calls/{id}/why',
    summary: 'What was decided for a call and why: in progress, or from the history',
    parameters: callParameters,
    answers: {
      200: inJson('With all who were asked to take it; of a waiting call, with what keeps each member.', Why),
    },
    async handle({ parameters: { pbx, id } }) {
      knownPbx(context, pbx);
      const { calls, acd, history } = context.ports;
      const live = calls.story(pbx, id);
      // Another node may carry the call: the ACD knows that it waits.
      const waiting = await acd.explain(pbx, id);
      const story = live ?? (waiting ? undefined : await history.get(pbx, id));
      if (!story && !waiting) {
        throw new HttpFailure(404, {
          code: 'no-such-call',
          message: `No call "${id}" is in progress on this node or in the history`,
          hint: 'A call that another node carries is asked for there.',
        });
      }
      return jsonReply({
        call: id,
        live: live !== undefined || waiting !== undefined,
        steps: story ? stepsOf(story) : [],
        waiting: waiting ? shownExplanation(waiting) : null,
      });
    },
  }),
];

/** Decisions of the scheme and offers to people in one order. */
function stepsOf({ start, path, participants }: CallStory) {
  const began = Date.parse(start);
  const decided = path.map(({ t, state, event, detail, why }) => ({
    at: instant(began + Math.round(t * 1000)),
    what: event,
    state,
    detail: detail ?? {},
    why: why ?? null,
  }));
  const asked = participants.map((asked) => ({
    at: asked.start,
    what: 'offer',
    state: null,
    detail: {
      kind: asked.kind,
      id: asked.id,
      name: asked.name,
      group: asked.group,
      outcome: asked.outcome,
      ring: asked.ring,
      talk: asked.talk,
    },
    why: endReasons[asked.reason].text,
  }));
  // Equal moments keep their order: what the scheme decided comes before whom it asked.
  return [...decided, ...asked].toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

const momentOf = (ms: number | undefined): string | null => (ms === undefined || ms === 0 ? null : instant(ms));

const shownExplanation = ({ group, algorithm, since, position, endsAt, offers, members }: Explanation) => ({
  group,
  algorithm,
  since: instant(since),
  position,
  until: momentOf(endsAt),
  offers: offers.map(({ at, agent, why, outcome }) => ({
    at: instant(at),
    employee: agent,
    reason: why,
    why: offerReasons[why],
    outcome: outcome ?? null,
  })),
  members: members.map(({ employee, why, untilThen, tried, tookLaterCallerAt }) => ({
    employee,
    standing: why,
    why: standings[why],
    until: momentOf(untilThen),
    tried: tried ?? null,
    tookLaterCallerAt: momentOf(tookLaterCallerAt),
  })),
});
