import type { ComponentChildren } from "preact";
import { Command } from "./command.tsx";

type Props = {
  readonly title: string;
  readonly children?: ComponentChildren;
  /** What to type for the next step. */
  readonly command?: string;
};

/** Nothing here yet, and what to do about it. */
export function Empty({ title, children, command }: Props) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
      {command !== undefined && <Command text={command} />}
    </div>
  );
}
