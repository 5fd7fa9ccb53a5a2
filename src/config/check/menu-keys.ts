import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** A menu key that is the beginning of an extension makes everybody who presses it wait for the next digit. */
export const menuKeys: Rule = {
  codes: ['key-hides-extension'],
  *check({ document, branches, directory }: CheckedPbx): Iterable<Finding> {
    const { enabled, min, max } = document.pbx.extensionDialing;
    const all = directory.extensions;
    const dialable = byBeginning(
      enabled ? all.filter((extension) => extension.length >= min && extension.length <= max) : [],
    );
    const withDisa = byBeginning(all);
    for (const { branch, block, index } of branches) {
      const extensions = branch.rules.disa ? withDisa : dialable;
      for (const key of Object.keys(branch.menu)) {
        const hidden = extensions.get(key);
        if (!hidden) continue;
        const same = hidden.first === key;
        const more = hidden.count > 1 ? ` and ${hidden.count - 1} more` : '';
        const message = same
          ? `Key "${key}" hides extension "${key}", which callers may dial`
          : `Key "${key}" is the beginning of extension "${hidden.first}"${more}: who presses it waits ${document.defaults.menu.interDigitTimeout} s for another digit`;
        const hint = 'Choose another key or other extensions, or switch off "extensionDialing".';
        yield { code: 'key-hides-extension', path: [...block, index, 'menu', key], message, hint };
      }
    }
  },
};

/** By each beginning of up to three digits, as long as a menu key can be. */
function byBeginning(extensions: readonly string[]): Map<string, { readonly first: string; readonly count: number }> {
  const found = new Map<string, { first: string; count: number }>();
  for (const extension of extensions) {
    for (let length = 1; length <= Math.min(3, extension.length); length++) {
      const beginning = extension.slice(0, length);
      const known = found.get(beginning);
      if (known) known.count++;
      else found.set(beginning, { first: extension, count: 1 });
    }
  }
  return found;
}
