import { after, goOn, hangUp, type SchemeBuild, trace } from './build.ts';
import type { State } from './chart.ts';
import { place, to } from './paths.ts';
import { ringing } from './ringing.ts';
import { mailbox } from './steps/voicemail.ts';
import { resolve } from './targets.ts';

/** Where an employee's default action is found, once in each scheme. */
export const unanswered = ({ id }: Pick<SchemeBuild, 'id'>): string => place(id, 'unanswered');

/**
 * What is done about a call to an employee who was not reached when the scheme says nothing (§4.4.3): a message, then voicemail to his
 * address, another extension, or the end. Whoever is called here and not reached is the last: no second default action.
 */
export function defaultAction(scheme: SchemeBuild): State {
  const path = unanswered(scheme);
  const { unavailableMessage: audio } = scheme.tables.pbx.document.defaults.employee;
  const message = place(path, 'message');
  const action = place(path, 'action');
  if (audio === null) return { id: path, initial: 'action', states: { action: act(scheme, action) } };
  const then = { target: to(action) };
  return {
    id: path,
    initial: 'message',
    states: {
      message: {
        id: message,
        entry: [trace(message, 'play', { audio }, 'the employee was not reached and the scheme says nothing more')],
        invoke: {
          src: 'play',
          input: { audio },
          onDone: [then],
          onError: after([{ type: 'fault', params: { state: message } }], [then]),
        },
      },
      action: act(scheme, action),
    },
  };
}

function act(scheme: SchemeBuild, path: string): State {
  const { pbx } = scheme.tables;
  const { then } = pbx.document.defaults.employee;
  const over = hangUp(scheme, path);
  if ('voicemail' in then) {
    return mailbox(path, { src: 'voicemailOfDialled' }, over, [{ type: 'traceMailbox', params: { state: path } }]);
  }
  const whither = 'extension' in then ? resolve({ extension: then.extension }, pbx) : undefined;
  if (!whither) return { id: path, always: [over] };
  if ('scheme' in whither) return { id: path, always: goOn(scheme, path, whither.scheme) };
  return ringing(scheme, path, { target: whither }, [over]);
}
