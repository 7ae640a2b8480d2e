/** What the REST interface of `leshan/` takes and gives. */

export type LeshanType =
  | 'STRING'
  | 'INTEGER'
  | 'UNSIGNED_INTEGER'
  | 'FLOAT'
  | 'BOOLEAN'
  | 'OPAQUE'
  | 'TIME'
  | 'OBJLNK'
  | 'CORELINK'
  | 'NONE';

/** Integers are decimal text, opaque is hex, time is ms since 1970, an object link is `3:0`. */
export type LeshanValue = string | number | boolean;

export type LeshanNode =
  | {
      readonly kind: 'singleResource';
      readonly id: number;
      readonly type: LeshanType;
      readonly value: LeshanValue;
    }
  | {
      readonly kind: 'resourceInstance';
      readonly id: number;
      readonly type: LeshanType;
      readonly value: LeshanValue;
    }
  | {
      readonly kind: 'multiResource';
      readonly id: number;
      readonly type: LeshanType;
      readonly values: Readonly<Record<string, LeshanValue>>;
    }
  | { readonly kind: 'instance'; readonly id?: number; readonly resources: readonly LeshanNode[] }
  | { readonly kind: 'obj'; readonly id: number; readonly instances: readonly LeshanNode[] };

export interface LeshanClient {
  readonly endpoint: string;
  readonly registrationId: string;
  /** seconds */
  readonly lifetime: number;
  readonly lwM2mVersion: string;
  readonly bindingMode: string;
  readonly queueMode: boolean;
  /** `127.0.0.1:40123` */
  readonly address: string;
  readonly rootPath: string;
  /** link format, sorted by path */
  readonly objectLinks: string;
  /** numbers of the content formats the server believes the client to know, from `ct` of the root link */
  readonly contentFormats: readonly number[];
  /** `/3/0` */
  readonly instances: readonly string[];
  /** what stood in the query besides the parameters of the specification */
  readonly attributes: Readonly<Record<string, string>>;
}

/** What the client answered to an operation. */
export interface LeshanResponse {
  /** CoAP code, `2.05` */
  readonly code: string;
  /** `CONTENT`, `METHOD_NOT_ALLOWED` */
  readonly status: string;
  readonly success: boolean;
  readonly errormessage?: string;
  /** number of the content format of the payload */
  readonly format?: number;
  readonly payloadSize?: number;
  /** of a read or observe: the node; of a composite one: nodes by path, null where there is none */
  readonly content?: LeshanNode;
  /** ms since 1970, when the value came with a time */
  readonly at?: number;
  readonly objectLinks?: string;
  readonly location?: string;
}

export interface LeshanCompositeResponse extends Omit<LeshanResponse, 'content'> {
  readonly content?: Readonly<Record<string, LeshanNode | null>>;
}

export type LeshanFormat = 'TEXT' | 'OPAQUE' | 'CBOR' | 'TLV' | 'JSON' | 'SENML_JSON' | 'SENML_CBOR';

export interface LeshanOperation {
  /** nothing: no Accept in a read, TLV in a write, SENML_CBOR in composite operations */
  readonly format?: LeshanFormat;
  /** whole seconds that the client has to answer; 5 when nothing is said */
  readonly timeoutS?: number;
}

export type LeshanNotification =
  | (LeshanResponse & {
      readonly ep: string;
      readonly kind: 'single';
      /** the observed path */
      readonly res: string;
      /** all values of the notification, newest first, when it carried times */
      readonly history?: readonly { readonly at: number | null; readonly content: LeshanNode }[];
    })
  | (LeshanCompositeResponse & {
      readonly ep: string;
      readonly kind: 'composite';
      readonly paths: readonly string[];
    });

export interface LeshanSend {
  readonly ep: string;
  /** nodes by path, grouped by their time: newest first, null where none was given */
  readonly history: readonly {
    readonly at: number | null;
    readonly content: Readonly<Record<string, LeshanNode>>;
  }[];
}

export interface LeshanFailure {
  readonly ep?: string;
  readonly error: string;
}

/** What comes with an event, by its name. */
export interface LeshanEventData {
  readonly REGISTRATION: LeshanClient;
  readonly UPDATED: { readonly registration: LeshanClient };
  readonly DEREGISTRATION: LeshanClient & { readonly expired: boolean };
  /** of clients in queue mode */
  readonly SLEEPING: LeshanClient;
  readonly AWAKE: LeshanClient;
  readonly NOTIFICATION: LeshanNotification;
  readonly NOTIFICATION_ERROR: LeshanFailure;
  readonly SEND: LeshanSend;
  readonly SEND_ERROR: LeshanFailure;
}
