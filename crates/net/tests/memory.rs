//! Training allocates its buffers once: a step after the first takes nothing from the heap but
//! small lists of what it works on and the thread pool's queue.
#![expect(unsafe_code, reason = "an allocator that counts")]

use deepviz_net::{Batch, Device, Engine, Network, Parameters, Recipe, Shape};
use ndarray::{Array4, ArrayView3, Axis};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: passed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Threads, and the bytes that a step may take on them: far less than any layer of maps.
const STEP_BYTES: [(usize, usize); 2] = [(1, 4 << 10), (3, 16 << 10)];

#[test]
fn a_step_allocates_no_buffers() {
    let recipes =
        [include_str!("../../../models/cifar10-80sec.toml"), include_str!("../../../models/cifar10-11pct.toml")];
    for (recipe, (threads, max)) in recipes.into_iter().flat_map(|recipe| STEP_BYTES.map(|limit| (recipe, limit))) {
        let recipe = Recipe::parse(recipe, "memory.toml", &[]).unwrap();
        let network = Arc::new(Network::new(&recipe, Shape::new(3, 32, 32), 10).unwrap());
        let device = Device::cpu(Some(threads), None).unwrap();
        let preprocess = Arc::new(network.preprocess(None, None));
        let mut engine = Engine::new(Arc::clone(&network), preprocess, &device).unwrap();
        let parameters = Parameters::initial(&network, 1);
        let mut gradients = Parameters::zeros(&network);
        let pixels = Array4::<u8>::from_elem((20, 3, 32, 32), 100);
        let images: Vec<ArrayView3<'_, u8>> = pixels.axis_iter(Axis(0)).collect();
        let (labels, views) = (vec![1; 20], vec![network.centre_view(); 20]);
        let mut min = usize::MAX;
        for noise in 0..12 {
            let before = BYTES.load(Ordering::Relaxed);
            let batch = Batch { images: &images, labels: &labels, views: &views, noise, label_smoothing: 0.0 };
            engine.gradients(&parameters, &batch, &mut gradients).unwrap();
            // Not every thread need have had its turn, and made its buffers, in the first step.
            min = min.min(BYTES.load(Ordering::Relaxed) - before);
        }
        assert!(min <= max, "{}: {min} bytes a step on {threads} threads", recipe.name);
    }
}
