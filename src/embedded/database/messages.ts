/** What the engine's thread asks of the database's. `values` and rows go by structured clone: Dates stay Dates. */
export type Request =
  | { readonly id: number; readonly kind: 'query'; readonly text: string; readonly values: readonly unknown[] }
  | { readonly id: number; readonly kind: 'script'; readonly text: string }
  | { readonly id: number; readonly kind: 'close' };

export type Reply =
  | { readonly id: number; readonly rows: unknown[][] }
  | { readonly id: number; readonly error: { readonly message: string; readonly state?: string } };

export interface WorkerData {
  readonly directory: string;
}
