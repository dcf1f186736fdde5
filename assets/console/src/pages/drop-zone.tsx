import { useSignal } from "@preact/signals";

/** Takes a file, dropped or chosen. */
export function DropZone({ onFile }: { readonly onFile: (file: File) => void }) {
  const isOver = useSignal(false);
  const hover = (over: boolean) => (event: DragEvent) => {
    event.preventDefault();
    isOver.value = over;
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a short cut; the field within does the same.
    <div
      class={`drop ${isOver.value ? "drop-over" : ""}`}
      onDragOver={hover(true)}
      onDragLeave={hover(false)}
      onDrop={(event) => {
        hover(false)(event);
        const file = event.dataTransfer?.files[0];
        if (file) onFile(file);
      }}
    >
      <label for="drop-file">
        Drop a file here, or choose one: a package as JSON, or the firmware itself, which is then uploaded
        with it
      </label>
      <input
        id="drop-file"
        type="file"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file) onFile(file);
        }}
      />
    </div>
  );
}
