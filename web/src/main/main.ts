import { mount } from 'svelte';
import '../base/style/tokens.css';
import '../base/style/base.css';
import '../base/style/topbar.css';
import '../base/style/timeline.css';
import '../base/style/shell.css';
import '../base/style/picture.css';
import '../base/style/narrow.css';
import { begin, end } from '../base/idle';
import { Store } from '../state/store.svelte';
import { viewNamed } from '../views/table';
import App from './App.svelte';
import { isBare } from './tour';

begin();
const store = new Store();
// Read now: the store fills the address in as soon as it knows the run.
const bare = isBare(location.hash);
// Run, view and font are requested at once, not one after the other.
const found = store.start();
// Without a view in the address the run decides, and of a finished one it is its story. The shell asks again, and says
// what is wrong.
viewNamed(store.view || 'story')
  .load()
  .catch(() => undefined);
// The first frame is drawn with the right font: nothing is measured or placed twice.
const shown = document.fonts.load('420 12px "Inter DV"').finally(() => {
  mount(App, { target: document.body, props: { store, bare } });
});
void Promise.allSettled([found, shown]).finally(end);
