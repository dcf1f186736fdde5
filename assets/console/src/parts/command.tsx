import { useSignal } from "@preact/signals";
import { announce } from "./announcer.tsx";

/** A command to type, with a button that copies it. */
export function Command({ text }: { readonly text: string }) {
  const isCopied = useSignal(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text).catch(() => undefined);
    isCopied.value = true;
    announce("Copied");
  };
  return (
    <div class="command">
      <code>{text}</code>
      <button type="button" onClick={copy}>
        {isCopied.value ? "Copied" : "Copy"}
      </button>
    </div>
  );
}
