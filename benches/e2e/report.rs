//! The report: a table for people, or JSON.

use crate::measure::Measured;

/// A case and what came of it.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) at_most: f64,
    pub(crate) cpu_at_most: Option<f64>,
    pub(crate) memory_at_most: Option<u64>,
    pub(crate) ours: Measured,
    pub(crate) theirs: Measured,
    /// Seconds that the server needs at least.
    pub(crate) floor: Option<f64>,
}

impl Row {
    fn ratio(&self, of: fn(&Measured) -> f64) -> f64 {
        of(&self.ours) / of(&self.theirs).max(0.001)
    }
}

/// Whether everything that is promised is kept.
fn is_reached(row: &Row) -> bool {
    row.ratio(|run| run.wall) <= row.at_most
        && row
            .cpu_at_most
            .is_none_or(|most| row.ratio(|run| run.cpu) <= most)
        && row.memory_at_most.is_none_or(|most| row.ours.memory <= most)
}

/// A table in Markdown.
pub(crate) fn table(rows: &[Row], scale: f64) {
    println!(
        "Scale {scale}; medians; seconds, ours / theirs; memory and output in MB. Where a target is missed stands a !.\n"
    );
    println!(
        "| work | wall | ratio | at most | server alone | client CPU | ratio | memory | output | round trips |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for row in rows {
        let (ours, theirs) = (&row.ours, &row.theirs);
        let floor = row.floor.map(|floor| format!("{floor:.2}")).unwrap_or_default();
        let missed = if is_reached(row) { "" } else { " !" };
        let round_trips = match (ours.round_trips, theirs.round_trips) {
            (0, 0) => String::new(),
            (ours, theirs) => format!("{ours} / {theirs}"),
        };
        println!(
            "| {} | {:.2} / {:.2} | **{:.2}**{missed} | {:.2} | {floor} | {:.2} / {:.2} | {:.2} | {} / {} | {} / {} | {round_trips} |",
            row.name,
            ours.wall,
            theirs.wall,
            row.ratio(|run| run.wall),
            row.at_most,
            ours.cpu,
            theirs.cpu,
            row.ratio(|run| run.cpu),
            ours.memory >> 20,
            theirs.memory >> 20,
            ours.output >> 20,
            theirs.output >> 20,
        );
    }
}

/// One JSON object.
pub(crate) fn json(rows: &[Row], scale: f64) {
    let side = |run: &Measured| {
        format!(
            r#"{{"wall": {:.3}, "cpu": {:.3}, "memory": {}, "output": {}, "round_trips": {}}}"#,
            run.wall, run.cpu, run.memory, run.output, run.round_trips
        )
    };
    let rows: Vec<String> = rows
        .iter()
        .map(|row| {
            let floor = row.floor.map_or("null".into(), |floor| format!("{floor:.3}"));
            format!(
                r#"    {{"work": "{}", "ratio": {:.3}, "at_most": {}, "reached": {}, "server_alone": {floor}, "ours": {}, "theirs": {}}}"#,
                row.name,
                row.ratio(|run| run.wall),
                row.at_most,
                is_reached(row),
                side(&row.ours),
                side(&row.theirs),
            )
        })
        .collect();
    println!(
        "{{\n  \"scale\": {scale},\n  \"rows\": [\n{}\n  ]\n}}",
        rows.join(",\n")
    );
}
