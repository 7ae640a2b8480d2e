/** What the processes of the CoAP bench ask of each other. */

export interface ToAsk {
  readonly port: number;
  readonly ms: number;
}

export interface Asked {
  readonly answers: number;
  readonly perSecond: number;
}

export interface ToObserve {
  readonly port: number;
  /** observations */
  readonly count: number;
}

export interface ToNotify {
  readonly ms: number;
  readonly confirmable: boolean;
}

export interface Notified {
  /** acknowledged, if confirmable; else sent */
  readonly notifications: number;
  readonly perSecond: number;
}
