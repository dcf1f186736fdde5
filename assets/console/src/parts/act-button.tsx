import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import type { ApiError } from "../api/client.ts";
import { toApiError } from "../state/resource.ts";
import { announce } from "./announcer.tsx";
import { ErrorNote } from "./error-note.tsx";

type Props = {
  readonly label: string;
  /** One sentence: what will happen. It is asked before anything is done. */
  readonly effect: ComponentChildren;
  readonly act: () => Promise<unknown>;
  readonly isDanger?: boolean;
  readonly disabled?: boolean;
  readonly children?: ComponentChildren;
};

/** A button that says what it will do, and does it once it is confirmed. */
export function ActButton({ label, effect, act, isDanger = false, disabled = false, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const error = useSignal<ApiError | undefined>(undefined);
  const isBusy = useSignal(false);
  const confirm = async (event: Event) => {
    event.preventDefault();
    isBusy.value = true;
    error.value = undefined;
    try {
      await act();
      announce(`${label}: done`);
      dialog.current?.close();
    } catch (caught) {
      error.value = toApiError(caught);
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <>
      <button
        type="button"
        class={isDanger ? "danger" : ""}
        disabled={disabled}
        onClick={() => {
          error.value = undefined;
          dialog.current?.showModal();
        }}
      >
        {label}
      </button>
      <dialog ref={dialog} aria-label={label}>
        <form onSubmit={confirm}>
          <h2>{label}</h2>
          <p>{effect}</p>
          {children}
          <ErrorNote error={error.value} />
          <div class="row row-end">
            <button type="button" onClick={() => dialog.current?.close()}>
              Back
            </button>
            <button type="submit" class={isDanger ? "primary danger" : "primary"} disabled={isBusy.value}>
              {label}
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}
