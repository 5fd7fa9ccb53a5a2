/**
 * Who sent a request outside a dialog, as far as the guard can vouch for it. Nothing in a request is to be believed beyond this: the
 * caller number of a trunk is the operator's word, the From of an account has been checked against its credentials.
 */
export type Identity =
  /** Knows the password of an account of an employee. `account` is `user@domain`. */
  | { readonly kind: 'account'; readonly pbx: string; readonly employee: string; readonly account: string }
  /** Came from the address of an external trunk, for a number of it. */
  | { readonly kind: 'trunk'; readonly pbx: string; readonly trunk: string }
  /** Nobody in particular, but the Request-URI is a number's passive line, which anyone may call. */
  | { readonly kind: 'passive'; readonly pbx: string; readonly number: string };

/** One line for logs: `acme/ivanov@acme.example`, `acme/trunk:operator`, `acme/passive:74951234567`. */
export const identityText = (identity: Identity): string => {
  switch (identity.kind) {
    case 'account':
      return `${identity.pbx}/${identity.account}`;
    case 'trunk':
      return `${identity.pbx}/trunk:${identity.trunk}`;
    case 'passive':
      return `${identity.pbx}/passive:${identity.number}`;
  }
};
