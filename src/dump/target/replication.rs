//! Publications and subscriptions.

use bstr::{BString, ByteSlice};

use super::Pass;
use crate::objects::Body;
use crate::objects::publication::Publication;
use crate::objects::subscription::Subscription;
use crate::objects::table::RelKind;

impl Pass<'_> {
    fn change_publications(&mut self, change: impl Fn(&mut Publication) -> bool) {
        self.change(|body| match body {
            Body::Publication(publication) => change(publication),
            _ => false,
        });
    }

    fn change_subscriptions(&mut self, change: impl Fn(&mut Subscription) -> bool) {
        self.change(|body| match body {
            Body::Subscription(subscription) => change(subscription),
            _ => false,
        });
    }
}

pub(super) fn truncate(pass: &mut Pass<'_>) {
    pass.change_publications(|publication| {
        let kinds: Vec<&[u8]> = publication.publish.split_str(", ").collect();
        let rest: Vec<&[u8]> = kinds
            .iter()
            .copied()
            .filter(|kind| *kind != b"truncate")
            .collect();
        let is_changed = rest.len() < kinds.len();
        publication.publish = bstr::join(", ", rest).into();
        is_changed
    });
}

pub(super) fn via_root(pass: &mut Pass<'_>) {
    pass.change_publications(|publication| std::mem::take(&mut publication.via_root));
}

pub(super) fn generated(pass: &mut Pass<'_>) {
    pass.change_publications(|publication| std::mem::take(&mut publication.stored_generated));
}

pub(super) fn partitioned(pass: &mut Pass<'_>) {
    pass.leave_out(|catalog, body| match body {
        Body::PublicationTable(member) => {
            let table = catalog.table(member.table);
            table.is_some_and(|table| table.relkind == RelKind::Partitioned)
        }
        _ => false,
    });
}

/// Without the list or the filter, more would be published than anybody wants to.
pub(super) fn columns_and_rows(pass: &mut Pass<'_>) {
    pass.leave_out(|_, body| {
        matches!(body, Body::PublicationTable(member) if !member.columns.is_empty() || member.filter.is_some())
    });
}

pub(super) fn generated_in_lists(pass: &mut Pass<'_>) {
    pass.leave_out(|catalog, body| match body {
        Body::PublicationTable(member) => {
            let columns = catalog
                .table(member.table)
                .into_iter()
                .flat_map(|table| &table.columns);
            let mut generated = columns.filter(|column| column.generated != 0);
            generated.any(|column| member.columns.iter().any(|name| column.name == *name))
        }
        _ => false,
    });
}

pub(super) fn schemas(pass: &mut Pass<'_>) {
    pass.leave_out(|_, body| matches!(body, Body::PublicationSchema(_)));
}

pub(super) fn binary_and_streaming(pass: &mut Pass<'_>) {
    pass.change_subscriptions(|subscription| {
        let streams = subscription.streaming != "f";
        subscription.streaming = "f".into();
        std::mem::take(&mut subscription.binary) || streams
    });
}

pub(super) fn two_phase(pass: &mut Pass<'_>) {
    pass.change_subscriptions(|subscription| {
        let two_phase = std::mem::take(&mut subscription.two_phase);
        std::mem::take(&mut subscription.disable_on_error) || two_phase
    });
}

pub(super) fn origin(pass: &mut Pass<'_>) {
    pass.change_subscriptions(|subscription| {
        let parallel = subscription.streaming == "p";
        if parallel {
            subscription.streaming = "t".into();
        }
        let origin = std::mem::replace(&mut subscription.origin, BString::from("any"));
        let no_password = !std::mem::replace(&mut subscription.password_required, true);
        // What came before 16 was run as the owner: that is no loss.
        subscription.run_as_owner = false;
        parallel || no_password || !origin.eq_ignore_ascii_case(b"any")
    });
}

pub(super) fn failover(pass: &mut Pass<'_>) {
    pass.change_subscriptions(|subscription| std::mem::take(&mut subscription.failover));
}
