import type { Logger } from 'pino';
import type { Dispatcher } from './acd/dispatcher.ts';
import type { AcdNode } from './acd/node.ts';
import type { AgentStatus } from './acd/store.ts';
import type { WaitEstimates } from './acd/wait-estimates.ts';
import type { ConfigStore } from './config/store.ts';
import type { PbxVersion } from './config/version.ts';
import type { EmployeeCall, SharedOccupancy } from './dial/occupancy.ts';
import { errorText } from './errors.ts';
import type { RegistrationStore } from './redis/index.ts';

/** The parts that the ACD learns from. */
export interface AcdParts {
  readonly config: ConfigStore;
  readonly dispatcher: Dispatcher;
  readonly estimates: WaitEstimates;
  readonly registrations: Pick<RegistrationStore, 'on'>;
  readonly log: Logger;
}

/**
 * Keeps the ACD in step with the rest of the engine: which PBXs and which versions there are, who registers and whose registration is gone.
 * @returns the function that ends it, once this node takes part in all PBXs
 */
export async function feedAcd(parts: AcdParts): Promise<() => void> {
  const { config, dispatcher, estimates, registrations, log } = parts;
  const quietly = (work: Promise<unknown>, what: string) =>
    void work.catch((error: unknown) => log.error({ err: error }, `${what}: ${errorText(error)}`));
  const takeIn = async (pbx: PbxVersion) => {
    await Promise.all([dispatcher.add(pbx), estimates.load(pbx.id)]);
  };
  const registrationChanged = ({ pbx, account }: { readonly pbx: string; readonly account: string }) => {
    const node = dispatcher.node(pbx);
    if (node) quietly(node.registrationChanged(account), 'the ACD could not be told of a registration');
  };
  const offs = [
    // A binding that is only renewed changes nothing: the scripts look when the time that they know of is over.
    registrations.on('bound', registrationChanged),
    registrations.on('removed', registrationChanged),
    registrations.on('expired', registrationChanged),
    config.on('changed', ({ changed, removed }) => {
      for (const pbx of changed) quietly(takeIn(pbx), `the ACD could not take in ${pbx.id}`);
      for (const { id } of removed) {
        dispatcher.remove(id);
        estimates.forget(id);
      }
    }),
  ];
  await Promise.all(config.all().map(takeIn));
  return () => {
    for (const off of offs) off();
  };
}

/** What the ACD knows of employees in calls that no group has given them, and what it is told of them. */
export function occupancyInAcd(node: (pbx: string) => AcdNode | undefined, log: Logger): SharedOccupancy {
  const tell = ({ pbx }: EmployeeCall, change: (node: AcdNode) => Promise<unknown>) => {
    const known = node(pbx);
    if (!known) return;
    change(known).catch((error: unknown) =>
      log.error({ err: error }, `the ACD could not be told of a call: ${errorText(error)}`),
    );
  };
  return {
    rings: async ({ pbx, employee, call }) => (await node(pbx)?.beginCall(employee, call, { ifFree: true })) ?? true,
    calls: (one) => tell(one, (acd) => acd.beginCall(one.employee, one.call)),
    talks: (one, answered) =>
      tell(one, (acd) => acd.beginCall(one.employee, one.call, { talks: true, incoming: answered })),
    over: (one) => tell(one, (acd) => acd.endCall(one.employee, one.call)),
  };
}

/** Sets a status through this node, which then knows it too: it survives a Redis that loses its data. @throws RedisDownError */
export const statusSetter =
  (dispatcher: Dispatcher) =>
  (pbx: string, employee: string, status: AgentStatus): Promise<unknown> =>
    dispatcher.node(pbx)?.setStatus(employee, status) ?? dispatcher.store.setStatus(pbx, employee, status);
