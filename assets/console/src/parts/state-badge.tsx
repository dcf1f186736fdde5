import { stateLook } from "./state-look.ts";

/** A state of an update, told by colour, sign and word. */
export function StateBadge({ state }: { readonly state: string }) {
  const { tone, sign, name } = stateLook(state);
  return (
    <span class={`badge tone-${tone}`}>
      <span aria-hidden="true" class="badge-sign">
        {sign}
      </span>
      {name}
    </span>
  );
}
