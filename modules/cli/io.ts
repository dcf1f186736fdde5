/** What a command may touch of the world around it; tests hand in their own. */
export type Io = {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  /** Everything that is piped in; read once, only by a command whose argument is `-`. */
  readonly readStdin: () => Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder against which file names are read. */
  readonly workingDir: string;
  /** A person looks at stdout: tables are drawn, bars move, colours are on. */
  readonly isTerminal: boolean;
  /** The terminal's present size in characters. */
  readonly size: () => { readonly columns: number; readonly rows: number };
  /** Where a moving bar may be drawn; undefined when stderr is no terminal. */
  readonly progressStream: NodeJS.WritableStream | undefined;
  /** Aborted when the user wants to stop. */
  readonly signal: AbortSignal;
  readonly now: () => Date;
};

/** Takes text or bytes; resolves when there is room for more. */
export type TextSink = { readonly write: (chunk: string | Uint8Array) => Promise<void> };
