/** What the server of the client bench was told in some time. */
export interface FleetWatched {
  readonly seconds: number;
  readonly notifications: number;
  /** observations that told nothing */
  readonly silent: number;
  /** of payload */
  readonly bytes: number;
}
