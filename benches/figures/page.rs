//! Pages of domains: the first of few, the first of many, and one far behind, in every order.

use std::error::Error;

use crate::client::Question;
use crate::sample::interleaved;
use crate::table::{Table, difference, milliseconds, ratio};
use crate::{Extent, Running};

/// How far behind the first page the far one begins.
const FAR: u32 = 90_000;

pub(crate) fn measure(
    table: &mut Table,
    extent: Extent,
    few: &Running,
    many: &Running,
) -> Result<(), Box<dyn Error>> {
    for sort in ["created_at", "id", "name"] {
        for direction in ["asc", "desc"] {
            order(table, extent, few, many, &format!("sort={sort}&direction={direction}"))?;
        }
    }
    Ok(())
}

fn order(
    table: &mut Table,
    extent: Extent,
    few: &Running,
    many: &Running,
    order: &str,
) -> Result<(), Box<dyn Error>> {
    let target = format!("/api/v1/domains?limit=50&{order}");
    let of_few = few.get(&target);
    let of_many = many.get(&target);
    let far = many.get(&format!("{target}&offset={FAR}"));
    let mut to_far = many.connect()?;
    let (mut to_few, mut to_many, mut other) = (few.connect()?, many.connect()?, many.connect()?);
    let [health, small, large] = interleaved(
        extent.rounds,
        [&mut || other.time(&Question::health()), &mut || to_few.time(&of_few), &mut || {
            to_many.time(&of_many)
        }],
    )?;
    // Apart, for skipping so far empties the page cache of a reader: the first page is dearer after it.
    let [health_beside, first, far] = interleaved(
        extent.rounds,
        [&mut || other.time(&Question::health()), &mut || to_many.time(&of_many), &mut || to_far.time(&far)],
    )?;
    let name = order.replace('&', ", ").replace("sort=", "").replace("direction=", "");
    let row = format!("first page of 50, {name}, of 1,000");
    table.row(&row, "", &milliseconds(small), &ratio(small, health));
    let row = format!("first page of 50, {name}, of 100,000");
    let measured = format!("{}, {} ×", milliseconds(large), ratio(large, small));
    table.row(&row, "≤ 1.3 × that of 1,000", &measured, &ratio(large, health));
    let row = format!("the same, in turn with offset 90,000, {name}");
    table.row(&row, "", &milliseconds(first), &ratio(first, health_beside));
    let row = format!("page at offset 90,000, {name}");
    let measured = format!("{}, {}", milliseconds(far), difference(far, first));
    table.row(&row, "≤ 5 ms more than the first", &measured, &ratio(far, health_beside));
    Ok(())
}
