import type { ComponentChildren } from "preact";

type Props = { readonly name: string; readonly children: ComponentChildren };

/** A name with its value, within a `dl`. */
export function Fact({ name, children }: Props) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
