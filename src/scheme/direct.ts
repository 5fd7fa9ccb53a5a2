import type { Scheme, Target } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import { remember } from '../time/remember.ts';
import { type CompiledScheme, compileScheme } from './compile.ts';

const direct = new WeakMap<PbxVersion, Map<string, CompiledScheme>>();

/**
 * A scheme of the one step that sends the call to a target, for calls that no scheme of the document sends there.
 * @param id its name: one for each target of a PBX version
 */
export function directScheme(pbx: PbxVersion, target: Target, id: string): CompiledScheme {
  const made = remember(direct, pbx, () => new Map<string, CompiledScheme>());
  return remember(made, id, () => {
    const scheme: Scheme = {
      id,
      name: id,
      description: '',
      missed: { sms: false },
      speech: { digits: false, names: false, topics: false },
      branches: [{ when: 'always', steps: [{ forward: target }], menu: {}, rules: {}, end: 'hangup' }],
    };
    return compileScheme(pbx, scheme);
  });
}
