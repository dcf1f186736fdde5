import { render } from "preact";
import { App } from "./app.tsx";
import { applyTheme } from "./state/theme.ts";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/forms.css";
import "./styles/pages.css";

applyTheme();
const root = document.getElementById("app");
if (root !== null) render(<App />, root);
