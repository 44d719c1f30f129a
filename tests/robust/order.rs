//! The order of samples.

use lstm_core::{Order, Place};
use proptest::prelude::*;

use crate::size;

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn orders(count in size(), seed in any::<u64>(), epoch in any::<u64>(), position in size(), batch in size()) {
        // A machine may have memory for 2^32 samples; the tests need not take it.
        prop_assume!(!(5..=1 << 40).contains(&count));
        for made in [Order::new(count, seed), Order::sequential(count)] {
            let Ok(mut order) = made else { continue };
            prop_assert!(count > 0);
            let place = Place { epoch, position };
            prop_assert_eq!(order.resume(place).is_ok(), position <= count);
            let mut samples = Vec::new();
            for _ in 0..3 {
                order.next_batch(batch.min(10), &mut samples);
                prop_assert!(!samples.is_empty() && samples.iter().all(|&sample| sample < count));
            }
        }
        prop_assert_eq!(Order::sequential(count).is_ok(), count > 0);
        prop_assert_eq!(Order::new(count, seed).is_ok(), (1..5).contains(&count));
    }

    #[test]
    fn batches_of_any_size(count in 1usize..5, batch in size()) {
        let mut order = Order::new(count, 1).unwrap();
        let mut samples = Vec::new();
        order.next_batch(batch, &mut samples);
        prop_assert_eq!(samples.len(), batch.clamp(1, count));
    }
}
