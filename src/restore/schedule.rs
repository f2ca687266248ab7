//! Which lane restores what next, when there are several: dependencies, locks, the longest work first.
//!
//! Pure: it is told what has been done and says what can be done now. As in pg_restore, what precedes the data is
//! one lane's work, in order; then entries wait for what they depend on, and never two of them are under way
//! on different lanes of which one locks a table that the other uses. On one lane they follow each other, so that
//! small ones are given out ahead, even those that depend on one just given to the same lane.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::tables;
use crate::script::Plan;
use crate::toc::kind::RestorePass;
use crate::toc::{Desc, DumpId, Entry, Section};

/// What belongs to tables of fewer bytes takes no time worth planning.
const LIGHT: u64 = 256 * 1024;
/// What an entry is taken for whose size nobody knows.
const UNKNOWN: u64 = 16 << 20;
/// What comes by a pipe goes first.
const AT_ONCE: u64 = 1 << 60;
/// How many small entries one lane is given ahead.
pub(super) const AHEAD: usize = 32;

/// A piece of work: an entry, or one part of its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Job {
    pub(super) id: DumpId,
    /// Which part of the data, from 0; `None` if all of the entry is one job.
    pub(super) part: Option<usize>,
}

/// Everything still to be done, and what is under way.
pub(super) struct Schedule {
    items: Vec<Item>,
    places: HashMap<DumpId, usize>,
    pass: RestorePass,
    /// What can be done now and takes long: the heaviest first, then as in the table of contents.
    heavy: BTreeSet<(Reverse<u64>, usize)>,
    /// What can be done now and takes no time.
    light: BTreeSet<usize>,
    lanes: Vec<LaneLoad>,
    /// Who has locked a table, with the number of entries that do.
    locked: HashMap<usize, (usize, usize)>,
    /// Who uses a table: lanes with the number of entries that do.
    used: HashMap<usize, Vec<(usize, usize)>>,
}

struct Item {
    id: DumpId,
    wanted: bool,
    pass: RestorePass,
    /// What it depends on.
    after: Vec<usize>,
    /// What depends on it.
    before: Vec<usize>,
    /// The tables it locks against any other use.
    locks: Vec<usize>,
    /// How much of `after` is not done.
    open: usize,
    weight: u64,
    /// Into how many parts it is cut, how many of them were given out, how many are done.
    parts: usize,
    taken: usize,
    finished: usize,
    /// The parts given out do not count: all of it is done once more when they have ended.
    again: bool,
    /// Its data has not come yet.
    held: bool,
    /// Which lane has it, if only one has.
    lane: Option<usize>,
    done: bool,
}

#[derive(Default)]
struct LaneLoad {
    jobs: usize,
    has_heavy: bool,
    /// Small entries that wait only for what this lane has been given.
    own: BTreeSet<usize>,
}

impl Schedule {
    /// A schedule for what a plan wants, for so many lanes. `sizes`: the bytes of entries' data, as far as they are known.
    pub(super) fn new(plan: &Plan, sizes: &HashMap<DumpId, u64>, lanes: usize) -> Schedule {
        let toc = plan.toc();
        let places: HashMap<DumpId, usize> = toc
            .iter()
            .enumerate()
            .map(|(at, entry)| (entry.dump_id, at))
            .collect();
        let rows_of = tables::rows_of(toc, &places);
        let mut items: Vec<Item> = toc
            .iter()
            .map(|entry| Item::new(entry, plan.wanted(entry.dump_id).is_any(), &places, &rows_of))
            .collect();
        for at in 0..toc.len() {
            weigh(&mut items, at, toc, sizes);
        }
        let parents = tables::parents(toc, &places, &rows_of);
        for at in 0..toc.len() {
            lock_partitions(&mut items, at, toc, &parents);
        }
        for at in 0..items.len() {
            let after = items.get(at).map(|item| item.after.clone()).unwrap_or_default();
            for on in after {
                if let Some(item) = items.get_mut(on) {
                    item.before.push(at);
                }
            }
        }
        Schedule {
            items,
            places,
            pass: RestorePass::Main,
            heavy: BTreeSet::new(),
            light: BTreeSet::new(),
            lanes: (0..lanes.max(1)).map(|_| LaneLoad::default()).collect(),
            locked: HashMap::new(),
            used: HashMap::new(),
        }
    }

    /// The entries that come before everything else, on one lane and in this order; they count as done.
    pub(super) fn first(&mut self, plan: &Plan) -> Vec<DumpId> {
        let mut first = Vec::new();
        let mut passed_by = false;
        for (at, entry) in plan.toc().iter().enumerate() {
            let now = match entry.section {
                Section::PreData => true,
                // What speaks about data or what follows it has to wait for it.
                Section::None => !passed_by,
                Section::Data | Section::PostData => {
                    passed_by = true;
                    false
                }
            };
            let Some(item) = self.items.get_mut(at) else {
                continue;
            };
            if now && item.pass == RestorePass::Main {
                item.done = true;
                if item.wanted {
                    first.push(item.id);
                }
            }
        }
        for at in 0..self.items.len() {
            let after = self
                .items
                .get(at)
                .map(|item| item.after.clone())
                .unwrap_or_default();
            let open = after
                .into_iter()
                .filter(|&on| !self.items.get(on).is_some_and(|item| item.done))
                .count();
            if let Some(item) = self.items.get_mut(at) {
                item.open = open;
            }
        }
        self.offer_pass();
        first
    }

    /// Cuts the data of an entry into parts that several lanes can load at once.
    pub(super) fn split(&mut self, id: DumpId, parts: usize) {
        let Some(&at) = self.places.get(&id) else { return };
        self.withdraw(at);
        if let Some(item) = self.items.get_mut(at) {
            item.parts = parts.max(1);
        }
        self.offer(at);
    }

    /// Holds entries back whose data comes when it comes. Their size is not known before.
    pub(super) fn hold(&mut self, ids: &[DumpId]) {
        for id in ids {
            let item = self.places.get(id).and_then(|at| self.items.get_mut(*at));
            if let Some(item) = item {
                item.held = true;
                item.weight = AT_ONCE;
            }
        }
    }

    /// Says that an entry's data has come: it should be taken at once. `whatever` it depends on, if nothing else goes on.
    pub(super) fn admit(&mut self, id: DumpId, whatever: bool) {
        let Some(&at) = self.places.get(&id) else { return };
        if let Some(item) = self.items.get_mut(at) {
            item.held = false;
            if whatever {
                item.open = 0;
            }
        }
        self.offer(at);
    }

    /// Lets other lanes join the one that has an entry.
    pub(super) fn widen(&mut self, id: DumpId) {
        let Some(&at) = self.places.get(&id) else { return };
        let lanes = self.lanes.len();
        let Some(item) = self.items.get_mut(at) else {
            return;
        };
        item.parts = lanes;
        // No lane has it for itself any more.
        item.lane = None;
        for next in item.before.clone() {
            self.lanes.iter_mut().for_each(|load| {
                load.own.remove(&next);
            });
        }
        self.offer(at);
    }

    /// Says that all of an entry's data has been handed out, so that no lane need join, and how much it was. True if
    /// it is done by that.
    pub(super) fn narrow(&mut self, id: DumpId, bytes: u64) -> bool {
        let Some(&at) = self.places.get(&id) else {
            return false;
        };
        self.withdraw(at);
        let follow = match self.items.get_mut(at) {
            Some(item) if item.taken > 0 && !item.again => {
                item.parts = item.taken;
                item.before.clone()
            }
            Some(item) => item.before.clone(),
            None => Vec::new(),
        };
        for next in follow {
            if let Some(item) = self
                .items
                .get_mut(next)
                .filter(|item| item.taken == 0 && item.open > 0)
            {
                item.weight = item.weight.max(bytes);
            }
        }
        let item = self.items.get(at);
        let is_done = item
            .is_some_and(|item| !item.done && !item.again && item.taken > 0 && item.finished == item.parts);
        if is_done {
            self.complete(at);
        } else {
            self.offer(at);
        }
        is_done
    }

    /// The next job for a lane, if it should be given one now.
    pub(super) fn next(&mut self, lane: usize) -> Option<Job> {
        let load = self.lanes.get(lane)?;
        let at = if load.jobs == 0 {
            self.first_free(lane, self.heavy.iter().map(|(_, at)| *at))
                .or_else(|| self.first_free(lane, self.light.iter().copied()))?
        } else if load.has_heavy || load.jobs >= AHEAD {
            return None;
        } else {
            self.first_free(lane, load.own.iter().copied())
                .or_else(|| self.first_free(lane, self.light.iter().copied()))?
        };
        self.withdraw(at);
        Some(self.give(lane, at))
    }

    /// Notes that a lane has done a job, whether it failed or not. True if that was all of the entry.
    pub(super) fn done(&mut self, lane: usize, job: Job) -> bool {
        let Some(&at) = self.places.get(&job.id) else {
            return false;
        };
        self.release(lane, at);
        if let Some(load) = self.lanes.get_mut(lane) {
            load.jobs = load.jobs.saturating_sub(1);
            load.has_heavy &= load.jobs > 0;
        }
        let Some(item) = self.items.get_mut(at) else {
            return false;
        };
        item.finished += 1;
        if item.again && item.finished == item.taken {
            (item.parts, item.taken, item.finished, item.again) = (1, 0, 0, false);
            self.offer(at);
            return false;
        }
        let is_last = !item.again && item.finished == item.parts;
        if is_last {
            self.complete(at);
        }
        is_last
    }

    /// Gives up an entry that several lanes load: once they have ended, it is one job.
    pub(super) fn again(&mut self, id: DumpId) {
        let Some(&at) = self.places.get(&id) else { return };
        self.withdraw(at);
        if let Some(item) = self.items.get_mut(at) {
            item.again = true;
        }
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.lanes.iter().all(|load| load.jobs == 0)
    }

    /// Goes on to the next pass when everything that could be done in this one is; false if it was the last.
    pub(super) fn advance(&mut self) -> bool {
        self.pass = match self.pass {
            RestorePass::Main => RestorePass::Acl,
            RestorePass::Acl => RestorePass::PostAcl,
            RestorePass::PostAcl => return false,
        };
        self.offer_pass();
        true
    }

    /// What could never be done because it depends on itself, in the order of the table of contents.
    pub(super) fn left_over(&self) -> Vec<DumpId> {
        self.items
            .iter()
            .filter(|item| item.wanted && !item.done)
            .map(|item| item.id)
            .collect()
    }

    /// The first that conflicts with nothing on another lane.
    fn first_free(&self, lane: usize, mut candidates: impl Iterator<Item = usize>) -> Option<usize> {
        candidates.find(|&at| {
            self.items.get(at).is_some_and(|item| {
                let locked = |on: &usize| self.locked.get(on).is_some_and(|(by, _)| *by != lane);
                let used = |on: &usize| {
                    let users = self.used.get(on);
                    users.is_some_and(|users| users.iter().any(|(by, _)| *by != lane))
                };
                !item.after.iter().any(locked) && !item.locks.iter().any(used)
            })
        })
    }

    fn give(&mut self, lane: usize, at: usize) -> Job {
        let mut job = Job {
            id: DumpId(0),
            part: None,
        };
        let mut more = false;
        if let Some(item) = self.items.get_mut(at) {
            job.id = item.id;
            job.part = (item.parts > 1).then_some(item.taken);
            item.taken += 1;
            more = item.taken < item.parts;
            item.lane = (item.parts == 1).then_some(lane);
            for on in &item.after {
                let users = self.used.entry(*on).or_default();
                match users.iter_mut().find(|(by, _)| *by == lane) {
                    Some((_, count)) => *count += 1,
                    None => users.push((lane, 1)),
                }
            }
            for on in &item.locks {
                self.locked.entry(*on).or_insert((lane, 0)).1 += 1;
            }
            if let Some(load) = self.lanes.get_mut(lane) {
                load.jobs += 1;
                load.has_heavy |= item.weight >= LIGHT;
            }
        }
        if more {
            self.offer(at);
        } else {
            self.offer_behind(lane, at);
        }
        job
    }

    /// What may follow on the same lane before the rest of the world may know.
    fn offer_behind(&mut self, lane: usize, at: usize) {
        let Some(item) = self.items.get(at) else { return };
        let ahead = |on: &usize| {
            let on = self.items.get(*on);
            on.is_some_and(|on| on.done || on.lane == Some(lane))
        };
        let follow: Vec<usize> = item
            .before
            .iter()
            .copied()
            .filter(|&next| {
                self.items.get(next).is_some_and(|next| {
                    let fits =
                        next.wanted && next.pass <= self.pass && next.weight < LIGHT && next.taken == 0;
                    fits && next.after.iter().all(ahead)
                })
            })
            .collect();
        if let Some(load) = self.lanes.get_mut(lane) {
            load.own.extend(follow);
        }
    }

    fn release(&mut self, lane: usize, at: usize) {
        let Some(item) = self.items.get(at) else { return };
        for on in &item.after {
            if let Some(users) = self.used.get_mut(on) {
                users
                    .iter_mut()
                    .filter(|(by, _)| *by == lane)
                    .for_each(|(_, count)| *count -= 1);
                users.retain(|(_, count)| *count > 0);
            }
        }
        for on in &item.locks {
            if let Some((_, count)) = self.locked.get_mut(on) {
                *count -= 1;
                if *count == 0 {
                    self.locked.remove(on);
                }
            }
        }
    }

    /// Lets go of everything that waited for an item; what nobody wants is done as soon as it could be.
    fn complete(&mut self, at: usize) {
        let mut completed = vec![at];
        while let Some(at) = completed.pop() {
            let Some(item) = self.items.get_mut(at) else {
                continue;
            };
            item.done = true;
            for next in item.before.clone() {
                let Some(item) = self.items.get_mut(next) else {
                    continue;
                };
                item.open = item.open.saturating_sub(1);
                if item.open > 0 || item.done {
                    continue;
                }
                if item.wanted {
                    self.offer(next);
                } else {
                    completed.push(next);
                }
            }
        }
    }

    fn offer_pass(&mut self) {
        for at in 0..self.items.len() {
            let Some(item) = self.items.get(at) else { continue };
            if item.done || item.open > 0 {
                continue;
            }
            if item.wanted {
                self.offer(at);
            } else {
                self.complete(at);
            }
        }
    }

    fn offer(&mut self, at: usize) {
        let Some(item) = self.items.get(at) else { return };
        let whole = item.taken < item.parts && !item.again && !item.held;
        if !whole || item.done || item.open > 0 || item.pass > self.pass {
            return;
        }
        self.lanes.iter_mut().for_each(|load| {
            load.own.remove(&at);
        });
        if item.weight < LIGHT {
            self.light.insert(at);
        } else {
            self.heavy.insert((Reverse(item.remaining()), at));
        }
    }

    fn withdraw(&mut self, at: usize) {
        let Some(item) = self.items.get(at) else { return };
        self.heavy.remove(&(Reverse(item.remaining()), at));
        self.light.remove(&at);
        self.lanes.iter_mut().for_each(|load| {
            load.own.remove(&at);
        });
    }
}

impl Item {
    fn new(
        entry: &Entry,
        wanted: bool,
        places: &HashMap<DumpId, usize>,
        rows_of: &HashMap<usize, usize>,
    ) -> Item {
        let mut after: Vec<usize> = Vec::new();
        for id in &entry.dependencies {
            let Some(&on) = places.get(id) else { continue };
            let rows = rows_of.get(&on).copied();
            match (entry.section, &entry.desc) {
                // What follows the data of a table waits for it, not for the table.
                (Section::PostData, _) => after.push(rows.unwrap_or(on)),
                // Loading rows would undo what is known about their number.
                (_, Desc::StatisticsData) => after.extend([Some(on), rows].into_iter().flatten()),
                _ => after.push(on),
            }
        }
        let itself = places.get(&entry.dump_id).copied();
        after.retain(|&on| Some(on) != itself);
        after.sort_unstable();
        after.dedup();
        Item {
            id: entry.dump_id,
            wanted,
            pass: entry.restore_pass(),
            open: after.len(),
            after,
            before: Vec::new(),
            locks: Vec::new(),
            weight: 0,
            parts: 1,
            taken: 0,
            finished: 0,
            again: false,
            held: false,
            lane: None,
            done: false,
        }
    }

    /// What has not been given out.
    fn remaining(&self) -> u64 {
        let left = self.parts.saturating_sub(self.taken) as u64;
        (self.weight / (self.parts as u64).max(1)).saturating_mul(left)
    }
}

/// Sets an item's weight and locks, once everything knows what it depends on.
fn weigh(items: &mut [Item], at: usize, toc: &[Entry], sizes: &HashMap<DumpId, u64>) {
    let Some(entry) = toc.get(at) else { return };
    let after = items.get(at).map(|item| item.after.clone()).unwrap_or_default();
    let weight = if entry.had_dumper {
        sizes.get(&entry.dump_id).copied().unwrap_or(UNKNOWN)
    } else if entry.desc == Desc::MaterializedViewData {
        UNKNOWN
    } else if entry.section == Section::PostData {
        let of = |on: &usize| items.get(*on).and_then(|item| sizes.get(&item.id)).copied();
        let known = after.iter().filter_map(of).max();
        known.unwrap_or(0)
    } else {
        0
    };
    let locks = if entry.section == Section::PostData && entry.desc.locks_exclusively() {
        let is_table = |on: &usize| {
            let desc = toc.get(*on).map(|entry| &entry.desc);
            matches!(desc, Some(Desc::Table | Desc::TableData))
        };
        after.into_iter().filter(is_table).collect()
    } else {
        Vec::new()
    };
    if let Some(item) = items.get_mut(at) {
        item.weight = weight;
        item.locks = locks;
    }
}

/// Attaching a partition's index locks the partition and the partitioned table, and when that makes the whole index
/// valid, all tables above; the entry itself names but the indexes.
fn lock_partitions(items: &mut [Item], at: usize, toc: &[Entry], parents: &HashMap<usize, usize>) {
    if toc.get(at).is_none_or(|entry| entry.desc != Desc::IndexAttach) {
        return;
    }
    let is_table = |on: &usize| {
        let desc = toc.get(*on).map(|entry| &entry.desc);
        matches!(desc, Some(Desc::Table | Desc::TableData))
    };
    let of = |on: &usize| items.get(*on).map(|item| item.after.clone()).unwrap_or_default();
    let mut tables: Vec<usize> = of(&at).iter().flat_map(of).filter(is_table).collect();
    let mut climbed = 0;
    while let Some(table) = tables.get(climbed) {
        let above = parents.get(table).filter(|above| !tables.contains(above));
        tables.extend(above.copied().as_slice());
        climbed += 1;
    }
    if let Some(item) = items.get_mut(at) {
        for list in [&mut item.after, &mut item.locks] {
            list.extend(&tables);
            list.sort_unstable();
            list.dedup();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Origin, ScriptOptions};
    use crate::toc::Wanted;
    use proptest::prelude::*;

    fn entry(id: u32, desc: Desc, section: Section, on: &[u32]) -> Entry {
        Entry {
            had_dumper: desc == Desc::TableData,
            dependencies: on.iter().copied().map(DumpId).collect(),
            ..Entry::new(DumpId(id), desc, format!("e{id}"), section)
        }
    }

    fn plan_of(toc: Vec<Entry>, unwanted: &[u32]) -> Plan {
        let wanted = |entry: &Entry| Wanted {
            definition: !unwanted.contains(&entry.dump_id.0) && !entry.had_dumper,
            data: !unwanted.contains(&entry.dump_id.0) && entry.had_dumper,
            ..Wanted::NOTHING
        };
        let wanted = toc.iter().map(wanted).collect();
        Plan::new(toc, wanted, ScriptOptions::default(), Origin::default()).unwrap()
    }

    fn job(id: u32) -> Job {
        Job {
            id: DumpId(id),
            part: None,
        }
    }

    /// Two tables with rows, and what follows them.
    fn two_tables() -> Vec<Entry> {
        vec![
            entry(1, Desc::Table, Section::PreData, &[]),
            entry(2, Desc::Table, Section::PreData, &[]),
            entry(3, Desc::TableData, Section::Data, &[1]),
            entry(4, Desc::TableData, Section::Data, &[2]),
            entry(5, Desc::Index, Section::PostData, &[1]),
            entry(6, Desc::Index, Section::PostData, &[1]),
            entry(7, Desc::Constraint, Section::PostData, &[2]),
            entry(8, Desc::FkConstraint, Section::PostData, &[1, 2, 7]),
            entry(9, Desc::Acl, Section::None, &[1]),
        ]
    }

    #[test]
    fn attaching_an_index_locks_the_tables_of_both_indexes_and_those_above() {
        let named = |entry: Entry, tag: &str| Entry {
            tag: tag.into(),
            ..entry
        };
        let toc = vec![
            named(entry(1, Desc::Table, Section::PreData, &[]), "top"),
            named(entry(2, Desc::Table, Section::PreData, &[]), "middle"),
            named(entry(3, Desc::Table, Section::PreData, &[]), "leaf"),
            named(entry(4, Desc::TableAttach, Section::PreData, &[1, 2]), "middle"),
            named(entry(5, Desc::TableAttach, Section::PreData, &[3, 2]), "leaf"),
            entry(6, Desc::TableData, Section::Data, &[3]),
            entry(7, Desc::Index, Section::PostData, &[2]),
            entry(8, Desc::Index, Section::PostData, &[3]),
            entry(9, Desc::Index, Section::PostData, &[1]),
            entry(10, Desc::IndexAttach, Section::PostData, &[7, 8]),
            entry(11, Desc::Trigger, Section::PostData, &[1]),
        ];
        let plan = plan_of(toc, &[]);
        let mut schedule = Schedule::new(&plan, &HashMap::new(), 2);
        schedule.first(&plan);
        let at = schedule.places[&DumpId(10)];
        // The last table is where its rows are.
        assert_eq!(schedule.items[at].locks, [0, 1, 5]);
        assert_eq!(schedule.items[at].after, [0, 1, 5, 6, 7]);
    }

    #[test]
    fn the_longest_comes_first_and_indexes_of_one_table_side_by_side() {
        let plan = plan_of(two_tables(), &[]);
        let sizes = HashMap::from([(DumpId(3), 1 << 20), (DumpId(4), 2 << 20)]);
        let mut schedule = Schedule::new(&plan, &sizes, 2);
        assert_eq!(schedule.first(&plan), [DumpId(1), DumpId(2)]);
        assert_eq!(schedule.next(0), Some(job(4)));
        assert_eq!(schedule.next(0), None, "a lane has one long job at a time");
        assert_eq!(schedule.next(1), Some(job(3)));
        assert!(schedule.done(1, job(3)));
        assert_eq!(schedule.next(1), Some(job(5)));
        assert!(schedule.done(0, job(4)));
        // The constraint is on the larger table, and its heir the foreign key locks both.
        assert_eq!(schedule.next(0), Some(job(7)));
        assert!(schedule.done(0, job(7)));
        assert_eq!(
            schedule.next(0),
            Some(job(6)),
            "the foreign key has to wait for the index"
        );
        assert!(schedule.done(0, job(6)) && schedule.done(1, job(5)));
        assert_eq!(schedule.next(1), Some(job(8)));
        assert!(schedule.done(1, job(8)) && schedule.is_idle());
        assert!(schedule.advance());
        assert_eq!(schedule.next(1), Some(job(9)));
    }

    #[test]
    fn parts_go_to_several_lanes_and_what_follows_waits_for_all() {
        let plan = plan_of(two_tables(), &[4, 6, 7, 8, 9]);
        let sizes = HashMap::from([(DumpId(3), 3 << 20)]);
        let mut schedule = Schedule::new(&plan, &sizes, 2);
        schedule.first(&plan);
        schedule.split(DumpId(3), 3);
        let part = |part| Job {
            id: DumpId(3),
            part: Some(part),
        };
        assert_eq!(schedule.next(0), Some(part(0)));
        assert_eq!(schedule.next(1), Some(part(1)));
        assert!(!schedule.done(0, part(0)));
        assert_eq!(schedule.next(0), Some(part(2)));
        assert!(!schedule.done(1, part(1)));
        assert_eq!(schedule.next(1), None);
        assert!(schedule.done(0, part(2)));
        assert_eq!(schedule.next(1), Some(job(5)));
    }

    #[test]
    fn after_a_part_has_failed_all_of_it_is_one_job() {
        let plan = plan_of(two_tables(), &[4, 6, 7, 8, 9]);
        let sizes = HashMap::from([(DumpId(3), 3 << 20)]);
        let mut schedule = Schedule::new(&plan, &sizes, 2);
        schedule.first(&plan);
        schedule.split(DumpId(3), 3);
        let (first, second) = (schedule.next(0).unwrap(), schedule.next(1).unwrap());
        schedule.again(DumpId(3));
        assert!(!schedule.done(0, first));
        assert_eq!(schedule.next(0), None, "the other part is still under way");
        assert!(!schedule.done(1, second));
        assert_eq!(schedule.next(0), Some(job(3)));
        assert!(schedule.done(0, job(3)));
        assert_eq!(schedule.next(0), Some(job(5)));
    }

    #[test]
    fn small_entries_are_given_ahead_to_the_lane_that_has_what_they_need() {
        let plan = plan_of(two_tables(), &[9]);
        let mut schedule = Schedule::new(&plan, &HashMap::from([(DumpId(3), 0), (DumpId(4), 0)]), 1);
        schedule.first(&plan);
        let mut given = Vec::new();
        while let Some(job) = schedule.next(0) {
            given.push(job.id.0);
        }
        let at = |id| given.iter().position(|given| *given == id).unwrap();
        assert_eq!(given.len(), 6);
        assert!(at(8) > at(7) && at(7) > at(4) && at(5) > at(3));
    }

    #[test]
    fn what_depends_on_itself_is_left_over() {
        let mut toc = two_tables();
        toc[4].dependencies.push(DumpId(6));
        toc[5].dependencies.push(DumpId(5));
        let plan = plan_of(toc, &[7, 8, 9]);
        let mut schedule = Schedule::new(&plan, &HashMap::new(), 1);
        schedule.first(&plan);
        while let Some(job) = schedule.next(0) {
            schedule.done(0, job);
        }
        while schedule.advance() {}
        assert_eq!(schedule.left_over(), [DumpId(5), DumpId(6)]);
    }

    prop_compose! {
        /// Tables with rows, then entries that depend on some of what stands before them.
        fn tables_and_more()(
            tables in 1usize..6,
            more in prop::collection::vec((0usize..5, prop::collection::vec(any::<prop::sample::Index>(), 0..4)), 0..30),
            sizes in prop::collection::vec(0u64..1 << 20, 6),
        ) -> (Vec<Entry>, HashMap<DumpId, u64>) {
            let mut toc = Vec::new();
            let mut known = HashMap::new();
            for table in 1..=tables as u32 {
                toc.push(entry(table, Desc::Table, Section::PreData, &[]));
            }
            for table in 1..=tables as u32 {
                let id = table + 100;
                toc.push(entry(id, Desc::TableData, Section::Data, &[table]));
                known.insert(DumpId(id), sizes[table as usize - 1]);
            }
            for (number, (kind, on)) in more.into_iter().enumerate() {
                let on: Vec<u32> = on.iter().map(|on| on.get(&toc).dump_id.0).collect();
                let (desc, section) = match kind {
                    0 => (Desc::Index, Section::PostData),
                    1 => (Desc::FkConstraint, Section::PostData),
                    2 => (Desc::Comment, Section::None),
                    3 => (Desc::Acl, Section::None),
                    _ => (Desc::Trigger, Section::PostData),
                };
                toc.push(entry(200 + number as u32, desc, section, &on));
            }
            (toc, known)
        }
    }

    proptest! {
        #[test]
        fn all_is_done_once_in_order_and_without_conflict(
            (toc, sizes) in tables_and_more(),
            unwanted in prop::collection::vec(200u32..230, 0..5),
            lanes in 1usize..4,
            parts in 1usize..4,
            choices in prop::collection::vec(any::<prop::sample::Index>(), 400),
        ) {
            let plan = plan_of(toc.clone(), &unwanted);
            let mut schedule = Schedule::new(&plan, &sizes, lanes);
            let mut done: Vec<DumpId> = schedule.first(&plan);
            schedule.split(DumpId(101), parts);
            // Each lane does its jobs in order; which lane is next is chance.
            let mut queues: Vec<std::collections::VecDeque<Job>> = vec![Default::default(); lanes];
            let mut choices = choices.into_iter().cycle();
            let rows: HashMap<DumpId, DumpId> = toc.iter().filter(|e| e.had_dumper)
                .map(|e| (e.dependencies[0], e.dump_id)).collect();
            let needs = |id: DumpId| -> Vec<DumpId> {
                let entry = plan.entry(id).unwrap();
                entry.dependencies.iter().map(|on| match rows.get(on) {
                    Some(rows) if entry.section == Section::PostData => *rows,
                    _ => *on,
                }).collect()
            };
            let locks = |id: DumpId| -> Vec<DumpId> {
                let entry = plan.entry(id).unwrap();
                if entry.section != Section::PostData || entry.desc == Desc::Index {
                    return Vec::new();
                }
                let tables = |on: &DumpId| matches!(plan.entry(*on).unwrap().desc, Desc::Table | Desc::TableData);
                needs(id).into_iter().filter(tables).collect()
            };
            loop {
                for lane in 0..lanes {
                    while let Some(job) = schedule.next(lane) {
                        for other in (0..lanes).filter(|other| *other != lane) {
                            for theirs in &queues[other] {
                                let clash = |a: DumpId, b: DumpId| locks(a).iter().any(|on| needs(b).contains(on));
                                prop_assert!(!clash(job.id, theirs.id) && !clash(theirs.id, job.id));
                            }
                        }
                        queues[lane].push_back(job);
                    }
                }
                let busy: Vec<usize> = (0..lanes).filter(|lane| !queues[*lane].is_empty()).collect();
                if busy.is_empty() {
                    if schedule.advance() { continue } else { break }
                }
                let lane = *choices.next().unwrap().get(&busy);
                let job = queues[lane].pop_front().unwrap();
                for on in needs(job.id) {
                    let ready = done.contains(&on) || unwanted.contains(&on.0);
                    prop_assert!(ready, "{} before {}", job.id, on);
                }
                if schedule.done(lane, job) {
                    prop_assert!(!done.contains(&job.id));
                    done.push(job.id);
                }
            }
            prop_assert!(schedule.left_over().is_empty());
            let wanted = toc.iter().filter(|entry| plan.wanted(entry.dump_id).is_any()).count();
            prop_assert_eq!(done.len(), wanted);
        }
    }
}
