import { useSignal } from "@preact/signals";
import { call, post } from "../api/client.ts";
import type { PackageInfo } from "../api/types.ts";
import { ActButton } from "../parts/act-button.tsx";
import { goTo, linkTo } from "../state/route.ts";

type Props = { readonly item: PackageInfo; readonly path: string; readonly onActed: () => void };

/** Apply, withdraw, restore, delete: each says what it will do. */
export function PackageActions({ item, path, onActed }: Props) {
  const reason = useSignal("");
  const stop = useSignal(false);
  const act = (work: () => Promise<unknown>) => async () => {
    await work();
    onActed();
  };
  return (
    <div class="row">
      {item.state === "withdrawn" ? (
        <ActButton
          label="Restore"
          effect="The package can be applied again. What was called off stays called off."
          act={act(() => post(`${path}/restore`))}
        />
      ) : (
        <ActButton
          label="Withdraw"
          isDanger
          effect="Nobody can apply the package any more, and no failed attempt of it is repeated. It stays in every history."
          act={act(() => post(`${path}/withdraw`, { reason: reason.value, stop: stop.value }))}
        >
          <div class="stack">
            <label for="withdraw-reason">Why</label>
            <input
              id="withdraw-reason"
              required
              maxLength={1024}
              value={reason.value}
              onInput={(event) => {
                reason.value = event.currentTarget.value;
              }}
            />
            <label class="check">
              <input
                type="checkbox"
                checked={stop.value}
                onChange={(event) => {
                  stop.value = event.currentTarget.checked;
                }}
              />
              Also cancel updates that devices have not begun
            </label>
          </div>
        </ActButton>
      )}
      {!item.inUse && (
        <ActButton
          label="Delete"
          isDanger
          effect="The package is gone from the list. Deployments that applied it keep their own copy."
          act={async () => {
            await call("DELETE", path);
            goTo(linkTo("packages"));
          }}
        />
      )}
      {item.valid && item.state === "available" && (
        <a class="button primary" href={linkTo("apply", item.id)}>
          Apply
        </a>
      )}
    </div>
  );
}
