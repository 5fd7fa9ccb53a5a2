import type { Target } from '../config/document.ts';
import type { Extension, PbxVersion } from '../config/version.ts';
import type { RingTarget } from './actors.ts';

/** Somebody to ring, or another scheme that goes on with the call. */
export type Whither = RingTarget | { readonly scheme: string };

export function whitherOf(found: Extension): Whither {
  switch (found.kind) {
    case 'employee':
      return { employee: found.employee.id, contact: 'asConfigured' };
    case 'group':
      return { group: found.group.id };
    case 'scheme':
      return { scheme: found.scheme.id };
    case 'room':
      return { room: found.room.id };
  }
}

/** A target with its short number looked up. Undefined for a number that nobody has, which a valid document does not contain. */
export function resolve(target: Target, pbx: PbxVersion): Whither | undefined {
  if (!('extension' in target)) return target;
  const found = pbx.extension(target.extension);
  return found && whitherOf(found);
}
