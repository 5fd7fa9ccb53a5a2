/** The three kinds of responses between which the machines tell. */
export const responseClass = (status: number): 'provisional' | 'success' | 'failure' =>
  status < 200 ? 'provisional' : status < 300 ? 'success' : 'failure';
