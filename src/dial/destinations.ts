import type { Contact, Target } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import type { EndReason } from '../end-reason.ts';
import type { CodecName } from '../media/port.ts';
import type { Binding, RegistrationStore } from '../redis/registrations.ts';
import type { SipTarget, Transport } from '../sip/port.ts';
import type { Destination } from './ring.ts';

export type Found =
  | { readonly ok: true; readonly destinations: readonly Destination[] }
  | { readonly ok: false; readonly reason: EndReason };

/** How numbers of the telephone network are reached: the outgoing routes of §4.6.5.6. */
export interface NumberRoutes {
  route(pbx: PbxVersion, number: string): Found;
}

/** The routes are not built yet: every number is unavailable. */
export const noNumberRoutes: NumberRoutes = { route: () => ({ ok: false, reason: 'unavailable' }) };

/** From what an admin writes (an account, a SIP address, a number, a number at a trunk) to the addresses that an INVITE is sent to. */
export class Destinations {
  readonly #registrations: Pick<RegistrationStore, 'contacts'>;
  readonly #contactTarget: (binding: Binding) => SipTarget;
  readonly #numbers: NumberRoutes;

  constructor(
    registrations: Pick<RegistrationStore, 'contacts'>,
    contactTarget: (binding: Binding) => SipTarget,
    numbers: NumberRoutes,
  ) {
    this.#registrations = registrations;
    this.#contactTarget = contactTarget;
    this.#numbers = numbers;
  }

  async ofContact(pbx: PbxVersion, contact: Contact): Promise<Found> {
    if ('sip' in contact) return this.ofSipAddress(pbx, contact.sip);
    if ('trunk' in contact) return this.ofTrunk(pbx, contact.trunk, contact.number);
    return this.#numbers.route(pbx, contact.phone);
  }

  async ofTarget(
    pbx: PbxVersion,
    target: Extract<Target, { sip: string } | { phone: string } | { trunk: string }>,
  ): Promise<Found> {
    if ('phone' in target) return this.#numbers.route(pbx, target.phone);
    if ('trunk' in target) return this.ofTrunk(pbx, target.trunk, target.number);
    return this.ofSipAddress(pbx, target.sip, target.port, target.transport);
  }

  /** Every device that is registered for an account of ours; an address elsewhere as it stands. */
  async ofSipAddress(pbx: PbxVersion, address: string, port?: number, transport?: Transport): Promise<Found> {
    const at = address.lastIndexOf('@');
    const user = address.slice(0, at);
    const host = address.slice(at + 1);
    const ours = pbx.account(user, host);
    if (!ours) {
      const uri = `sip:${address}${port ? `:${port}` : ''}${transport ? `;transport=${transport}` : ''}`;
      return { ok: true, destinations: [{ target: { uri }, to: { user, host, display: '' } }] };
    }
    const account = pbx.forwardedAccount(ours.account);
    let bindings: readonly Binding[];
    try {
      bindings = await this.#registrations.contacts(pbx.id, `${account.user}@${account.domain}`);
    } catch {
      // Redis is away, which its connection has reported: nobody can be found until it is back (2-call-behaviour §10).
      return { ok: false, reason: 'serviceUnavailable' };
    }
    if (bindings.length === 0) return { ok: false, reason: 'unavailable' };
    return {
      ok: true,
      destinations: bindings.map((binding) => ({
        target: this.#contactTarget(binding),
        to: { user: account.user, host: account.domain, display: '' },
      })),
    };
  }

  async ofTrunk(pbx: PbxVersion, id: string, number: string): Promise<Found> {
    const trunk = pbx.trunk(id);
    if (!trunk) return { ok: false, reason: 'schemeMisconfigured' };
    const { host, ports } = trunk.outbound ?? { host: trunk.host, ports: trunk.ports };
    if (host === undefined) return { ok: false, reason: 'unavailable' };
    const port = firstPort(ports);
    const codecs = trunk.codecs.filter((codec): codec is CodecName => codec === 'pcma' || codec === 'pcmu');
    return {
      ok: true,
      destinations: [
        {
          target: { uri: `sip:${number}@${bracketed(host)}:${port};transport=${trunk.transport}` },
          to: { user: number, host: trunk.domain ?? host, display: '' },
          dtmf: trunk.dtmfMode,
          ordinary: true,
          ...(codecs.length > 0 ? { codecs } : {}),
          ...(trunk.auth === undefined ? {} : { auth: trunk.auth }),
        },
      ],
    };
  }
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** The first of a list such as `5060; 5070-5080`. */
const firstPort = (ports: string): number => Number.parseInt(ports, 10);
