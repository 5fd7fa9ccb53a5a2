/** One measured value, as `run` of a bench returns it. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}
